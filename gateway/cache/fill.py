"""Fills the cache: computes the rows of keys that it does not hold, under a lease where the model asks for one, and stores them."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from gateway.cache.cache import Cache
from gateway.cache.flights import Flight, Flights
from gateway.request.deadline import Deadline
from gateway.request.prediction import Item, PredictionRequest
from gateway.request.priority import Priority
from model_repository.manifest import Manifest


class Lane(Protocol):
    """The way to one packaged version, as `gateway.lane.Lane`."""

    manifest: Manifest
    width: int | None

    def admit(self, items: int, request: PredictionRequest) -> None:
        """Take permits, or raise `Overloaded` and take none."""

    def give_back(self, request: PredictionRequest) -> None:
        """Give back a permit for an item that is not submitted after all."""

    def submit(self, item: Item, request: PredictionRequest, deadline: Deadline) -> "asyncio.Future[bytes]":
        """The row of an item for which a permit is held; the permit goes back when the row is there."""


class Fill:
    """Starts the computation of rows; `flights` are those under way, by priority."""

    def __init__(self, cache: Cache, flights: Mapping[Priority, Flights]) -> None:
        self._cache, self._flights = cache, flights

    def join(self, key: bytes, item: Item, lane: Lane, request: PredictionRequest, *, alone: bool) -> Flight:
        """The flight of a missing key; where it begins a new one a permit is held, which goes back when the row is there."""
        start = partial(self._start, key, item, lane, request, alone)
        return self._flights[request.priority].join(key, request.deadline, start, alone=alone)

    def refresh(self, key: bytes, item: Item, lane: Lane, deadline_s: float, token: bytes | None) -> "asyncio.Future[bytes] | None":
        """Compute a stale row anew, as batch work since nobody waits for it; None where it is under way already.

        Raises:
            Overloaded: too many items wait for this version.
        """
        if any(key in flights for flights in self._flights.values()):
            return None
        request = PredictionRequest([item], deadline_s, priority=Priority.BATCH)
        lane.admit(1, request)
        return self._flights[Priority.BATCH].join(key, deadline_s, partial(self._compute, key, item, lane, request, token)).row

    def _start(
        self, key: bytes, item: Item, lane: Lane, request: PredictionRequest, alone: bool, deadline: Deadline
    ) -> "asyncio.Future[bytes]":
        directives = request.cache
        if not directives.store:
            return lane.submit(item, request, deadline)
        # batch work has no lease: who waits for the answer would wait behind it; who flies alone takes no answer of another's
        asks = not alone and directives.look_up and not directives.names_ages and request.priority is Priority.INTERACTIVE
        if asks and self._cache.leases(lane.manifest):
            return _Leased(self._cache, self._compute, key, item, lane, request, deadline).row
        return self._compute(key, item, lane, request, None, deadline)

    def _compute(
        self, key: bytes, item: Item, lane: Lane, request: PredictionRequest, token: bytes | None, deadline: Deadline
    ) -> "asyncio.Future[bytes]":
        row = lane.submit(item, request, deadline)
        row.add_done_callback(partial(self._store, key, lane, token))
        return row

    def _store(self, key: bytes, lane: Lane, token: bytes | None, row: "asyncio.Future[bytes]") -> None:
        if row.cancelled() or row.exception() is not None:
            self._cache.give_back(key, token)
        else:
            self._cache.store(key, row.result(), lane.manifest, token)


Compute = Callable[[bytes, Item, Lane, PredictionRequest, bytes | None, Deadline], "asyncio.Future[bytes]"]


class _Leased:
    """A row that this gateway computes if it gets the lease; the permit goes back also where it does not, and where nobody waits."""

    def __init__(
        self, cache: Cache, compute: Compute, key: bytes, item: Item, lane: Lane, request: PredictionRequest, deadline: Deadline
    ) -> None:
        self._cache, self._compute = cache, compute
        self._key, self._item, self._lane, self._request, self._deadline = key, item, lane, request, deadline
        self._submitted = False
        self.row = asyncio.ensure_future(self._run())
        # not in a `finally`: a task that is cancelled before its first step never comes to one
        self.row.add_done_callback(self._give_back_permit)

    async def _run(self) -> bytes:
        left_s = self._deadline.at_s - asyncio.get_running_loop().time()
        entry, token = await self._cache.acquire(self._key, self._lane.manifest, self._lane.width, left_s)
        if entry is not None:
            return entry.row
        self._submitted = True
        return await self._compute(self._key, self._item, self._lane, self._request, token, self._deadline)

    def _give_back_permit(self, _: "asyncio.Future[bytes]") -> None:
        if not self._submitted:
            self._lane.give_back(self._request)
