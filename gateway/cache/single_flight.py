"""Single-flight: one computation of a key runs at a time, and all who ask for it are its waiters.

The edge cases: A waiter that gives up does not disturb the others. A computation with no waiters
left is cancelled, unless it has begun. A failed computation fails for its waiters and is forgotten,
so the next request starts a new one.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.request.deadline import Deadline

Start = Callable[[Deadline], "asyncio.Future[bytes]"]


@dataclass(slots=True, eq=False)
class Computation:
    """The row of one cache key while it is computed, and the number of its waiters."""

    key: bytes
    row: "asyncio.Future[bytes]"
    deadline: Deadline
    waiters: int = 0


class SingleFlight:
    """The computations that are not done, by cache key."""

    def __init__(self) -> None:
        self._running: dict[bytes, Computation] = {}

    def __len__(self) -> int:
        return len(self._running)

    def __contains__(self, key: bytes) -> bool:
        return key in self._running

    def attach(self, key: bytes, deadline_s: float, start: Start, *, shared: bool = True) -> Computation:
        """Attach a waiter to the computation of `key`; the caller detaches it once.

        `start` starts the computation if none runs. Its deadline is that of its most patient
        waiter. A computation that is not `shared` is always started, and nobody else waits for it.
        """
        if not shared:
            deadline = Deadline(deadline_s)
            own = Computation(key, start(deadline), deadline, waiters=1)
            own.row.add_done_callback(_retrieve)
            return own
        computation = self._running.get(key)
        if computation is None:
            deadline = Deadline(deadline_s)
            computation = self._running[key] = Computation(key, start(deadline), deadline)
            computation.row.add_done_callback(lambda row: self._done(key, row))
        else:
            computation.deadline.extend(deadline_s)
        computation.waiters += 1
        return computation

    def detach(self, computations: Iterable[Computation]) -> None:
        """Detach a waiter from each of these computations."""
        for computation in computations:
            computation.waiters -= 1
            # a row whose computation has begun refuses: it is cached, and found by who asks again
            if not computation.waiters and not computation.row.done() and computation.row.cancel():
                self._forget(computation.key, computation.row)

    def _done(self, key: bytes, row: "asyncio.Future[bytes]") -> None:
        _retrieve(row)
        self._forget(key, row)

    def _forget(self, key: bytes, row: "asyncio.Future[bytes]") -> None:
        if key in self._running and self._running[key].row is row:
            del self._running[key]


def _retrieve(row: "asyncio.Future[bytes]") -> None:
    """Mark a fault as retrieved: where no waiter is left, it is none of the event loop's."""
    if not row.cancelled():
        row.exception()
