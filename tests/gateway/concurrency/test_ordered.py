import asyncio
from collections import Counter

import pytest

from gateway.concurrency.ordered import Ordered


class Work:
    """Work that ends on command; `source` yields numbers and counts those that were taken."""

    def __init__(self, pieces, fault=None):
        self.taken = self.cancelled = 0
        self.results = {}
        self._pieces, self._fault = pieces, fault

    async def source(self):
        for piece in range(self._pieces):
            self.taken += 1
            yield piece
        if self._fault:
            raise self._fault

    async def __call__(self, piece):
        self.results[piece] = asyncio.get_running_loop().create_future()
        try:
            return await self.results[piece]
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    def end(self, piece):
        self.results[piece].set_result(b"%d" % piece)


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


def ordered(work, *, size=lambda piece: 1, max_pieces=4, max_bytes=100):
    return Ordered(work.source(), work, size, max_pieces=max_pieces, max_bytes=max_bytes)


async def test_results_come_in_order_whatever_ends_first():
    work = Work(3)
    results = ordered(work).results()
    first = asyncio.ensure_future(anext(results))
    await settle()
    work.end(2)
    work.end(1)
    await settle()
    assert not first.done()
    work.end(0)
    assert await first == [b"0", b"1", b"2"]
    assert [together async for together in results] == []


async def test_no_more_is_read_than_the_window_holds_until_the_consumer_comes_back():
    work = Work(100)
    results = ordered(work, max_pieces=4).results()
    first = asyncio.ensure_future(anext(results))
    await settle()
    assert work.taken == 5, "the next one waits at the door"
    work.end(0)
    await first
    await settle()
    assert len(work.results) == 4, "what the consumer holds is still in flight"
    second = asyncio.ensure_future(anext(results))
    await settle()
    assert len(work.results) == 5
    work.end(1)
    await second
    await results.aclose()


async def test_the_window_counts_bytes_and_lets_a_large_piece_through_alone():
    work = Work(3)
    results = ordered(work, size=lambda piece: (60, 60, 500)[piece]).results()
    taken = []
    for piece in range(3):
        waiting = asyncio.ensure_future(anext(results))
        await settle()
        taken.append(len(work.results))
        work.end(piece)
        await waiting
    assert taken == [1, 2, 3]
    assert [together async for together in results] == []


async def test_a_fault_of_the_source_comes_after_the_results_before_it():
    work = Work(1, fault=ValueError("broken off"))
    results = ordered(work).results()
    first = asyncio.ensure_future(anext(results))
    await settle()
    work.end(0)
    assert await first == [b"0"]
    with pytest.raises(ValueError, match="broken off"):
        await anext(results)


async def test_work_in_flight_is_cancelled_when_the_consumer_leaves():
    work = Work(100)
    results = ordered(work, max_pieces=4).results()
    first = asyncio.ensure_future(anext(results))
    await settle()
    work.end(0)
    await first
    await results.aclose()
    assert work.cancelled == 3


@pytest.mark.parametrize(("pieces", "window"), [(0, 1), (1, 1), (50, 1), (50, 7), (500, 64)])
async def test_every_piece_is_answered_once(pieces, window):
    async def work(piece):
        await asyncio.sleep(0)
        return b"%d" % piece

    async def source():
        for piece in range(pieces):
            yield piece

    results = Ordered(source(), work, lambda _: 1, max_pieces=window, max_bytes=1000).results()
    found = [int(result) async for together in results for result in together]
    assert found == list(range(pieces))
    assert Counter(found).total() == pieces
