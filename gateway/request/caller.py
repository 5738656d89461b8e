"""The client at the other end of a connection: work for one that has left is not begun."""

import asyncio
from types import TracebackType
from typing import Any

from gateway.errors import CallerLeft

CALLER = "headrace.caller"
"""Stands in the scope of a request whose connection tells when it is lost."""


class Caller:
    """Whoever opened a connection, until it is lost."""

    __slots__ = ("has_left", "waiting")

    def __init__(self) -> None:
        self.has_left = False
        self.waiting: set[asyncio.Task[Any]] = set()

    def leave(self) -> None:
        """The connection is lost: end what waits for this caller."""
        self.has_left = True
        for task in self.waiting:
            task.cancel()


class attended:
    """End the block when the caller leaves; None: it is not known whether one does.

    Raises:
        CallerLeft: the client has closed the connection.
    """

    __slots__ = ("_caller", "_task")

    def __init__(self, caller: Caller | None) -> None:
        self._caller = caller
        self._task: asyncio.Task[Any] | None = None

    def __enter__(self) -> None:
        if self._caller is None:
            return
        if self._caller.has_left:
            raise CallerLeft("the client closed the connection")
        self._task = asyncio.current_task()
        if self._task is not None:
            self._caller.waiting.add(self._task)

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        if self._caller is None or self._task is None:
            return
        self._caller.waiting.discard(self._task)
        # as asyncio.timeout does: our own cancellation becomes an error, any other one goes on
        if self._caller.has_left and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise CallerLeft("the client closed the connection") from None
