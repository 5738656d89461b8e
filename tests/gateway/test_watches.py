import asyncio

from structlog.testing import capture_logs

from gateway import watches
from gateway.ending import end


async def test_a_watch_that_fails_is_logged_and_begun_anew():
    begun, seen = [], asyncio.Event()

    async def watch():
        begun.append(True)
        if len(begun) < 3:
            raise KeyError("a record that is none")
        seen.set()
        await asyncio.Event().wait()

    with capture_logs() as logs:
        tasks = watches.start([watch], again_s=0.0)
        async with asyncio.timeout(5):
            await seen.wait()
    assert [line["event"] for line in logs] == ["a watch failed and is begun anew"] * 2
    assert not tasks[0].done()
    await end(tasks)
    assert tasks[0].cancelled()


async def test_a_watch_that_has_nothing_to_watch_ends():
    async def watch():
        return None

    [task] = watches.start([watch])
    async with asyncio.timeout(5):
        await task
