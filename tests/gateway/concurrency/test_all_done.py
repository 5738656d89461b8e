"""Waiting for several futures at once, in virtual time."""

import asyncio

import pytest
from virtual_time import run

from gateway.concurrency.all_done import all_done


def futures(*at_s):
    """Futures of the running loop that are done at these times."""
    loop = asyncio.get_running_loop()
    made = [loop.create_future() for _ in at_s]
    for future, when_s in zip(made, at_s, strict=True):
        loop.call_at(when_s, future.set_result, None)
    return made


def test_all_are_waited_for_and_no_longer():
    async def scenario():
        assert await all_done(futures(1, 3, 2), deadline_s=10)
        assert asyncio.get_running_loop().time() == 3

    run(scenario())


def test_those_that_are_done_already_count():
    async def scenario():
        done, late = futures(1, 2)
        await asyncio.sleep(1.5)
        assert await all_done([done], deadline_s=0)
        assert await all_done([done, late], deadline_s=10)
        assert asyncio.get_running_loop().time() == 2

    run(scenario())


@pytest.mark.parametrize("deadline_s", [0, 2])
def test_one_that_is_late_is_told_at_the_deadline_and_goes_on(deadline_s):
    async def scenario():
        in_time, late = futures(1, 5)
        assert not await all_done([in_time, late], deadline_s)
        assert asyncio.get_running_loop().time() == deadline_s
        await late

    run(scenario())


def test_whoever_leaves_disturbs_no_other():
    async def scenario():
        (shared,) = futures(2)
        leaves, stays = (asyncio.create_task(all_done([shared], deadline_s=10)) for _ in range(2))
        await asyncio.sleep(1)
        leaves.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaves
        assert await stays
        assert shared.result() is None

    run(scenario())


def test_failures_and_cancellations_are_landings():
    async def scenario():
        failed, cancelled = (asyncio.get_running_loop().create_future() for _ in range(2))
        waiting = asyncio.create_task(all_done([failed, cancelled], deadline_s=10))
        await asyncio.sleep(1)
        failed.set_exception(ValueError("no"))
        cancelled.cancel()
        assert await waiting
        assert isinstance(failed.exception(), ValueError)

    run(scenario())
