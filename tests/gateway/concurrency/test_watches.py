import asyncio

from gateway.concurrency import watches
from gateway.concurrency.ending import end


async def test_a_watch_that_fails_is_begun_anew():
    begun, seen = [], asyncio.Event()

    async def watch():
        begun.append(True)
        if len(begun) < 3:
            raise KeyError("a record that is none")
        seen.set()
        await asyncio.Event().wait()

    [task] = watches.start([watch], again_s=0.0)
    async with asyncio.timeout(5):
        await seen.wait()
    assert (len(begun), task.done()) == (3, False)
    await end([task])
    assert task.cancelled()


async def test_a_watch_that_has_nothing_to_watch_ends():
    async def watch():
        return None

    [task] = watches.start([watch])
    async with asyncio.timeout(5):
        await task
