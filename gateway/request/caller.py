"""The client at the other end of a connection; no work is begun for one that has disconnected."""

import asyncio
from types import TracebackType
from typing import Any

from gateway.errors import CallerLeft

CALLER = "headrace.caller"
"""Stands in the scope of a request whose connection reports that it is lost."""


class Caller:
    """The client that opened a connection, and the tasks that wait for something on its behalf."""

    __slots__ = ("disconnected", "waiting")

    def __init__(self) -> None:
        self.disconnected = False
        self.waiting: set[asyncio.Task[Any]] = set()

    def disconnect(self) -> None:
        """The connection is lost: cancel the tasks that wait for this caller."""
        self.disconnected = True
        for task in self.waiting:
            task.cancel()


class attended:
    """End the block when the caller disconnects; with None it is not known whether one does.

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
        if self._caller.disconnected:
            raise CallerLeft("the client closed the connection")
        self._task = asyncio.current_task()
        if self._task is not None:
            self._caller.waiting.add(self._task)

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        if self._caller is None or self._task is None:
            return
        self._caller.waiting.discard(self._task)
        # as asyncio.timeout does: our own cancellation becomes an error, any other one goes on
        if self._caller.disconnected and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise CallerLeft("the client closed the connection") from None
