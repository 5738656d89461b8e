"""Who is told what happens in a queue, and how often."""

import asyncio
from typing import Protocol

from gateway.request.priority import Priority

OBSERVED_EVERY_S = 0.05
"""The observer is told of changes so often at most, since it costs as much as a call's dispatch."""


class Observer(Protocol):
    """Is told what happens in a queue."""

    def expired(self) -> None:
        """An item was dropped before its call, since its result would have come too late."""

    def shed(self, priority: Priority, items: int) -> None:
        """So many items were refused, or were shed for others."""

    def waited(self, priority: Priority, seconds: float) -> None:
        """A call begins whose longest-waiting item waited for so long."""

    def changed(self) -> None:
        """The number of items that wait or are in flight may have changed."""


class Changes:
    """Tells an observer of changes: at once if it has not looked lately, else after a while."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._resting: asyncio.TimerHandle | None = None
        self._happened_since = False

    def happened(self) -> None:
        """The number of items that wait or are in flight may have changed."""
        if self._resting is None:
            self._observer.changed()
            self._resting = asyncio.get_running_loop().call_later(OBSERVED_EVERY_S, self._look_again)
        else:
            self._happened_since = True

    def _look_again(self) -> None:
        self._resting = None
        if self._happened_since:
            self._happened_since = False
            self.happened()
