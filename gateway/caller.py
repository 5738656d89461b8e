"""The client at the other end: work for one that has left is not begun."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Receive

from gateway.errors import CallerLeft


@asynccontextmanager
async def attended(receive: Receive | None) -> AsyncIterator[None]:
    """End the block when the client disconnects; `receive` is the ASGI channel of a request whose body has been read, None: unknown.

    Raises:
        CallerLeft: the client has closed the connection.
    """
    if receive is None:
        yield
        return
    task, left = asyncio.current_task(), False
    assert task is not None  # noqa: S101 - a coroutine runs in a task

    async def watch() -> None:
        nonlocal left
        while (await receive())["type"] != "http.disconnect":
            pass
        left = True
        task.cancel()

    watcher = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        # as asyncio.timeout does: our own cancellation becomes an error, any other one goes on
        if left and task.uncancel() == 0:
            raise CallerLeft("the client closed the connection") from None
        raise
    finally:
        watcher.cancel()
