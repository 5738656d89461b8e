import asyncio

import pytest
from virtual_time import run

from gateway.lasting import AGAIN_S, lasting


def test_a_watch_that_fails_is_begun_again_until_it_is_cancelled():
    begun_s = []

    async def watch():
        begun_s.append(asyncio.get_running_loop().time())
        if len(begun_s) == 3:
            await asyncio.Event().wait()
        raise ValueError("nobody foresaw this")

    async def scenario():
        task = asyncio.create_task(lasting(watch))
        await asyncio.sleep(10 * AGAIN_S)
        assert begun_s == [0.0, AGAIN_S, 2 * AGAIN_S]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(scenario())
