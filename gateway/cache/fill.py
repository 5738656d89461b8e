"""Fills the cache: computes the rows of keys that it does not hold, under a lease where the model asks for one, and stores them."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Protocol

from gateway.cache.cache import Cache
from gateway.cache.directives import Directives
from gateway.cache.flights import Flight, Flights
from gateway.prediction import Item
from model_repository.manifest import Manifest


class Permits(Protocol):
    """Permits for items that may wait for a version."""

    def admit(self, permits: int) -> None:
        """Take permits, or raise `Overloaded` and take none."""

    def release(self) -> None:
        """Give one back."""


class Lane(Protocol):
    """The way to one packaged version."""

    manifest: Manifest
    width: int | None

    @property
    def limiter(self) -> Permits:
        """The version's permits."""

    def submit(self, item: Item, deadline: float) -> "asyncio.Future[bytes]":
        """The row of an item for which a permit is held; the permit goes back when the row is there."""


class Fill:
    """Starts the computation of rows. `deadline` is of the event loop's clock, seconds."""

    def __init__(self, cache: Cache, flights: Flights) -> None:
        self._cache, self._flights = cache, flights

    def join(self, key: bytes, item: Item, lane: Lane, deadline: float, directives: Directives, *, alone: bool) -> Flight:
        """The flight of a missing key; where it begins a new one a permit is held, which goes back when the row is there."""
        return self._flights.join(key, partial(self._start, key, item, lane, deadline, directives), alone=alone)

    def refresh(self, key: bytes, item: Item, lane: Lane, deadline: float, token: bytes | None) -> "asyncio.Future[bytes] | None":
        """Compute a stale row anew; None where it is under way already.

        Raises:
            Overloaded: too many items wait for this version.
        """
        if key in self._flights:
            return None
        lane.limiter.admit(1)
        return self._flights.join(key, partial(self._compute, key, item, lane, deadline, token)).row

    def _start(self, key: bytes, item: Item, lane: Lane, deadline: float, directives: Directives) -> "asyncio.Future[bytes]":
        if not directives.store:
            return lane.submit(item, deadline)
        if not directives.look_up or directives.names_ages or not self._cache.leases(lane.manifest):
            return self._compute(key, item, lane, deadline, None)
        return _Leased(self._cache, self._compute, key, item, lane, deadline).row

    def _compute(self, key: bytes, item: Item, lane: Lane, deadline: float, token: bytes | None) -> "asyncio.Future[bytes]":
        row = lane.submit(item, deadline)
        row.add_done_callback(partial(self._store, key, lane, token))
        return row

    def _store(self, key: bytes, lane: Lane, token: bytes | None, row: "asyncio.Future[bytes]") -> None:
        if row.cancelled() or row.exception() is not None:
            self._cache.give_back(key, token)
        else:
            self._cache.store(key, row.result(), lane.manifest, token)


Compute = Callable[[bytes, Item, Lane, float, bytes | None], "asyncio.Future[bytes]"]


class _Leased:
    """A row that this gateway computes if it gets the lease; the permit goes back also where it does not, and where nobody waits."""

    def __init__(self, cache: Cache, compute: Compute, key: bytes, item: Item, lane: Lane, deadline: float) -> None:
        self._cache, self._compute = cache, compute
        self._key, self._item, self._lane, self._deadline = key, item, lane, deadline
        self._submitted = False
        self.row = asyncio.ensure_future(self._run())
        # not in a `finally`: a task that is cancelled before its first step never comes to one
        self.row.add_done_callback(self._give_back_permit)

    async def _run(self) -> bytes:
        left_s = self._deadline - asyncio.get_running_loop().time()
        entry, token = await self._cache.acquire(self._key, self._lane.manifest, self._lane.width, left_s)
        if entry is not None:
            return entry.row
        self._submitted = True
        return await self._compute(self._key, self._item, self._lane, self._deadline, token)

    def _give_back_permit(self, _: "asyncio.Future[bytes]") -> None:
        if not self._submitted:
            self._lane.limiter.release()
