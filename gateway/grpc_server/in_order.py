"""Answers to a stream of requests, in the order of the requests."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

Request = TypeVar("Request")
Answer = TypeVar("Answer")


async def in_order(requests: AsyncIterator[Request], answer: Callable[[Request], Awaitable[Answer]], window: int) -> AsyncIterator[Answer]:
    """Answer each request, at most `window` of them at once; the next one is read only when there is room for it.

    An exception of `answer` or of `requests` ends the stream.
    """

    async def read() -> Request | None:
        return await anext(requests, None)

    async def ask(request: Request) -> Answer:
        return await answer(request)

    coming: asyncio.Task[Request | None] | None = asyncio.create_task(read())
    under_way: deque[asyncio.Task[Answer]] = deque()
    try:
        while coming or under_way:
            reading = coming if coming and len(under_way) < window else None
            await asyncio.wait(
                [task for task in (reading, under_way[0] if under_way else None) if task], return_when=asyncio.FIRST_COMPLETED
            )
            if under_way and under_way[0].done():
                yield under_way.popleft().result()
            if reading and reading.done():
                request = reading.result()
                if request is not None:
                    under_way.append(asyncio.create_task(ask(request)))
                coming = asyncio.create_task(read()) if request is not None else None
    finally:
        left = [task for task in (coming, *under_way) if task]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
