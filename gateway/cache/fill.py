"""Filling the cache: a miss is computed and then stored.

Where the model's policy asks for a lease, the gateway computes the row under that lease.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from gateway.cache.cache import Cache
from gateway.cache.leased_row import LeasedRow
from gateway.cache.single_flight import Computation, SingleFlight
from gateway.request.deadline import Deadline
from gateway.request.prediction import Item, PredictionRequest
from gateway.request.priority import Priority
from gateway.request.ticket import Ticket
from model_repository.manifest import Manifest

REFRESHES = ("", "", "stale-while-revalidate")
"""The flow of the refreshes, which no client waits for."""


class Computes(Protocol):
    """Computes rows by one packaged version, as `gateway.lane.Lane` does."""

    manifest: Manifest
    width: int | None

    def admit(self, items: Sequence[Item], request: PredictionRequest) -> Ticket:
        """The ticket of a request for these items, or raise `Overloaded`."""
        ...

    def submit(self, item: Item, ticket: Ticket, deadline: Deadline) -> "asyncio.Future[bytes]":
        """The row of an item of an admitted request.

        Cancelling it does nothing once its computation has begun.
        """
        ...

    def hasten(self, row: "asyncio.Future[bytes]", ticket: Ticket) -> None:
        """Let a row that waits go with another request that waits for it, if that has less."""


class Miss(NamedTuple):
    """An item that the cache does not hold, the request for it, and the lane that computes it.

    The lane has admitted the request with this `ticket`.
    """

    key: bytes
    item: Item
    request: PredictionRequest
    lane: Computes
    ticket: Ticket


class Fill:
    """Starts computations; `running` holds those of each priority that are not done."""

    def __init__(self, cache: Cache, running: Mapping[Priority, SingleFlight]) -> None:
        self._cache, self._running = cache, running

    def compute(self, miss: Miss, *, shared: bool = True) -> Computation:
        """The computation of a missing key, which equal misses share.

        A computation that is not `shared` uses no row of another computation, and shares its own
        row with the cache only.
        """
        start = partial(self._start, miss, shared)
        computation = self._running[miss.request.priority].attach(miss.key, miss.request.deadline, start, shared=shared)
        if computation.waiters > 1:
            if isinstance(computation.row, LeasedRow):
                computation.row.hasten(miss.ticket)
            else:
                miss.lane.hasten(computation.row, miss.ticket)
        return computation

    def refresh(self, key: bytes, item: Item, lane: Computes, deadline_s: float, token: bytes | None) -> "asyncio.Future[bytes] | None":
        """Compute a stale row anew; None where a computation of its key is running already.

        It is batch work, since nobody waits for it.

        Raises:
            Overloaded: too many items wait for this version.
        """
        if any(key in running for running in self._running.values()):
            return None
        request = PredictionRequest([item], deadline_s, priority=Priority.BATCH, flow=REFRESHES)
        start = partial(self._submit, Miss(key, item, request, lane, lane.admit([item], request)), token)
        return self._running[Priority.BATCH].attach(key, deadline_s, start).row

    def _start(self, miss: Miss, shared: bool, deadline: Deadline) -> "asyncio.Future[bytes]":
        directives = miss.request.cache
        if not directives.store:
            return miss.lane.submit(miss.item, miss.ticket, deadline)
        # batch work takes no lease: interactive requests for the same key would wait for batch work
        interactive = miss.request.priority is Priority.INTERACTIVE
        if shared and interactive and directives.look_up and not directives.names_ages and self._cache.uses_leases(miss.lane.manifest):
            return self._lease(miss, deadline)
        return self._submit(miss, None, deadline)

    def _lease(self, miss: Miss, deadline: Deadline) -> LeasedRow:
        left_s = deadline.at_s - asyncio.get_running_loop().time()
        return LeasedRow(
            self._cache.acquire(miss.key, miss.lane.manifest, miss.lane.width, left_s),
            lambda token: self._submit(miss, token, deadline),
            partial(self._cache.release, miss.key),
            miss.lane.hasten,
        )

    def _submit(self, miss: Miss, token: bytes | None, deadline: Deadline) -> "asyncio.Future[bytes]":
        try:
            row = miss.lane.submit(miss.item, miss.ticket, deadline)
        except BaseException:
            self._cache.release(miss.key, token)  # others need not wait for its end
            raise
        row.add_done_callback(partial(self._store, miss.key, miss.lane.manifest, token))
        return row

    def _store(self, key: bytes, manifest: Manifest, token: bytes | None, row: "asyncio.Future[bytes]") -> None:
        if row.cancelled() or row.exception() is not None:
            self._cache.release(key, token)
        else:
            self._cache.store(key, row.result(), manifest, token)
