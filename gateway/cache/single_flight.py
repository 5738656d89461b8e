"""Single-flight: of equal work, one computation runs and all who ask for it wait for its result.

The edge cases: a waiter that gives up does not disturb the others; a computation that nobody waits
for any more is cancelled before it begins; one that fails, fails for those who waited and is
forgotten, so that the next request tries anew.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.request.deadline import Deadline

Start = Callable[[Deadline], "asyncio.Future[bytes]"]


@dataclass(slots=True, eq=False)
class Computation:
    """The row of one cache key while it is computed, and how many wait for it."""

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
        """Attach a waiter to the computation of `key`, which `start` begins if none runs; `detach`
        it once.

        The computation's deadline is that of its most patient waiter. One that is not `shared` is
        begun in any case, and nobody else waits for it.
        """
        if not shared:
            deadline = Deadline(deadline_s)
            return Computation(key, start(deadline), deadline, waiters=1)
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
            if not computation.waiters and not computation.row.done():
                computation.row.cancel()
                self._forget(computation.key, computation.row)

    def _done(self, key: bytes, row: "asyncio.Future[bytes]") -> None:
        if not row.cancelled():
            row.exception()  # marked as seen, also where nobody is left to see it
        self._forget(key, row)

    def _forget(self, key: bytes, row: "asyncio.Future[bytes]") -> None:
        if key in self._running and self._running[key].row is row:
            del self._running[key]
