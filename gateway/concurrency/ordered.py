"""Many pieces of work at once, with results in order and no more in flight than a window allows.

    source ──▶ window ──▶ work, each piece a task ──▶ results in the order of the source

Back-pressure goes both ways: while the consumer takes no results the window fills up, and while the
window is full nothing is read from the source.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, Generic, TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")
MAX_TOGETHER = 64
"""The most results that are yielded at once."""


class Ordered(Generic[Piece, Result]):
    """Results of `work` for the pieces of `source`, in the order of the source.

    At most `max_pieces` are in flight, of at most `max_bytes` in total; a single piece always fits.
    A piece is in flight from the moment it is read until the consumer asks for more after its
    result.
    """

    def __init__(
        self,
        source: AsyncIterator[Piece],
        work: Callable[[Piece], Awaitable[Result]],
        size_of: Callable[[Piece], int],
        *,
        max_pieces: int,
        max_bytes: int,
    ) -> None:
        self._source, self._work, self._size_of = source, work, size_of
        self._max_pieces, self._max_bytes = max_pieces, max_bytes
        self._queue: deque[tuple[asyncio.Future[Result], int]] = deque()
        self._in_flight = self._bytes = 0
        self._changed = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Ordered {self._in_flight} in flight, {self._bytes} bytes>"

    async def results(self) -> AsyncGenerator[list[Result], None]:
        """The results, in lists of those that are ready.

        An exception of the source is raised after the results of the pieces that it gave before.
        When the consumer stops, work in flight is cancelled.
        """
        reader = asyncio.create_task(self._read())
        reader.add_done_callback(lambda _: self._changed.set())
        try:
            while self._queue or not reader.done():
                if not self._queue:
                    await self._change()
                    continue
                together = [await self._queue[0][0]]
                size = self._queue.popleft()[1]
                while self._queue and self._queue[0][0].done() and len(together) < MAX_TOGETHER:
                    result, more = self._queue.popleft()
                    together.append(result.result())
                    size += more
                yield together
                self._release(len(together), size)
            await reader
        finally:
            left: list[asyncio.Future[Any]] = [reader, *(result for result, _ in self._queue)]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _read(self) -> None:
        async for piece in self._source:
            size = self._size_of(piece)
            while self._in_flight and (self._in_flight >= self._max_pieces or self._bytes + size > self._max_bytes):
                await self._change()
            self._in_flight += 1
            self._bytes += size
            self._queue.append((asyncio.ensure_future(self._work(piece)), size))
            self._changed.set()

    def _release(self, pieces: int, size: int) -> None:
        self._in_flight -= pieces
        self._bytes -= size
        self._changed.set()

    async def _change(self) -> None:
        """Wait until the other side has changed the window.

        The reader and the consumer never wait at the same time: the reader waits while the window
        is full, the consumer while it is empty.
        """
        self._changed.clear()
        await self._changed.wait()
