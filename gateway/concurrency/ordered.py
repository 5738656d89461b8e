"""Many pieces of work at once, their results in order, and never more in flight than a window allows.

    source ──▶ window ──▶ work, each piece a task ──▶ results in the order of the source

Back-pressure goes both ways: a consumer that does not take results lets the window fill, and a full window stops the reading.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, Generic, TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")
MAX_TOGETHER = 64
"""Most results that are handed on together."""


class Ordered(Generic[Piece, Result]):
    """Results of `work` for the pieces of `source`: at most `max_pieces` in flight, with `max_bytes` together (one always fits).

    A piece is in flight from the moment it is read until the consumer comes back for more after its result.
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
        self._flying: deque[tuple[asyncio.Future[Result], int]] = deque()
        self._in_flight = self._bytes = 0
        self._changed = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Ordered {self._in_flight} in flight, {self._bytes} bytes>"

    async def results(self) -> AsyncGenerator[list[Result], None]:
        """The results, those that are there together; an exception of the source comes after the results of what it gave.

        Work in flight is cancelled when the consumer leaves.
        """
        reader = asyncio.create_task(self._read())
        reader.add_done_callback(lambda _: self._changed.set())
        try:
            while self._flying or not reader.done():
                if not self._flying:
                    await self._change()
                    continue
                together = [await self._flying[0][0]]
                size = self._flying.popleft()[1]
                while self._flying and self._flying[0][0].done() and len(together) < MAX_TOGETHER:
                    result, more = self._flying.popleft()
                    together.append(result.result())
                    size += more
                yield together
                self._leave(len(together), size)
            await reader
        finally:
            left: list[asyncio.Future[Any]] = [reader, *(result for result, _ in self._flying)]
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
            self._flying.append((asyncio.ensure_future(self._work(piece)), size))
            self._changed.set()

    def _leave(self, pieces: int, size: int) -> None:
        self._in_flight -= pieces
        self._bytes -= size
        self._changed.set()

    async def _change(self) -> None:
        """Wait for the other side. Reader and consumer never wait both: one waits for an empty window, the other for a full one."""
        self._changed.clear()
        await self._changed.wait()
