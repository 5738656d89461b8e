"""The client at the other end: work for one that has left is not begun."""

import asyncio
from types import TracebackType

from starlette.types import Receive

from gateway.errors import CallerLeft

WATCH_AFTER_S = 0.02
"""A watch costs as much as a tenth of the request: answers that come at once do without."""


class attended:
    """End the block when the client disconnects; `receive` is the ASGI channel of a request whose body has been read, None: unknown.

    Raises:
        CallerLeft: the client has closed the connection.
    """

    __slots__ = ("_left", "_receive", "_task", "_timer", "_watcher")

    def __init__(self, receive: Receive | None) -> None:
        self._receive = receive
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._left = False

    def __enter__(self) -> None:
        if self._receive is not None:
            self._task = asyncio.current_task()
            self._timer = asyncio.get_running_loop().call_later(WATCH_AFTER_S, self._begin, self._receive)

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        # as asyncio.timeout does: our own cancellation becomes an error, any other one goes on
        if self._left and self._task is not None and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise CallerLeft("the client closed the connection") from None

    def _begin(self, receive: Receive) -> None:
        self._watcher = asyncio.create_task(self._watch(receive))

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._left = True
        if self._task is not None:
            self._task.cancel()
