import asyncio

from gateway.concurrency.ending import end


async def test_a_task_that_swallows_a_cancellation_ends_all_the_same():
    swallowed = []

    async def stubborn():
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if swallowed:
                    raise
                swallowed.append(True)

    async def failing():
        try:
            await asyncio.sleep(3600)
        finally:
            raise ValueError("on its way out")

    tasks = [asyncio.create_task(stubborn()), asyncio.create_task(failing()), asyncio.create_task(asyncio.sleep(0))]
    await asyncio.sleep(0)
    await asyncio.wait_for(end(tasks), timeout=10)
    assert swallowed
    assert all(task.done() for task in tasks)


async def test_without_tasks_nothing_is_waited_for():
    await end([])
