"""Coalescing: equal work that is already under way is waited for, not begun again.

The edge cases: a waiter that leaves does not disturb the others; work that nobody waits for any more is cancelled before it
begins; a failed flight fails for those who waited and is forgotten, so the next request tries anew.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.request.deadline import Deadline


@dataclass(slots=True, eq=False)
class Flight:
    """Work under way for one cache key, and how many wait for it."""

    key: bytes
    row: "asyncio.Future[bytes]"
    deadline: Deadline
    waiters: int = 0


class Flights:
    """The flights that have not landed, by cache key."""

    def __init__(self) -> None:
        self._flights: dict[bytes, Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def __contains__(self, key: bytes) -> bool:
        return key in self._flights

    def join(self, key: bytes, deadline_s: float, start: Callable[[Deadline], "asyncio.Future[bytes]"], *, alone: bool = False) -> Flight:
        """The flight of `key`, started if there is none; every join is paid back with one `leave`.

        A flight's deadline is that of its most patient waiter. One that flies `alone` joins none and is joined by none.
        """
        if alone:
            deadline = Deadline(deadline_s)
            return Flight(key, start(deadline), deadline, waiters=1)
        flight = self._flights.get(key)
        if flight is None:
            deadline = Deadline(deadline_s)
            flight = self._flights[key] = Flight(key, start(deadline), deadline)
            flight.row.add_done_callback(lambda row: self._land(key, row))
        else:
            flight.deadline.extend(deadline_s)
        flight.waiters += 1
        return flight

    def leave(self, flights: Iterable[Flight]) -> None:
        """Wait no longer for these flights."""
        for flight in flights:
            flight.waiters -= 1
            if not flight.waiters and not flight.row.done():
                flight.row.cancel()
                self._forget(flight.key, flight.row)

    def _land(self, key: bytes, row: "asyncio.Future[bytes]") -> None:
        if not row.cancelled():
            row.exception()  # marked as seen, also where nobody is left to see it
        self._forget(key, row)

    def _forget(self, key: bytes, row: "asyncio.Future[bytes]") -> None:
        if key in self._flights and self._flights[key].row is row:
            del self._flights[key]
