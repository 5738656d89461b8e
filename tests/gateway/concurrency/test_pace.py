import asyncio

from gateway.concurrency.pace import Pace


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_turns_are_given_in_order_and_no_more_than_the_limit():
    pace, order = Pace(2), []

    async def take(name):
        await pace.begin()
        order.append(name)

    tasks = [asyncio.create_task(take(name)) for name in "abcd"]
    await settle()
    assert order == ["a", "b"]
    pace.end()
    await settle()
    assert order == ["a", "b", "c"]
    pace.end()
    await asyncio.gather(*tasks)
    assert order == ["a", "b", "c", "d"]


async def test_being_shed_halves_the_limit_and_answers_raise_it_one_by_one():
    pace = Pace(8)
    for _ in range(8):
        await pace.begin()
    pace.shed()
    assert pace.limit == 4
    for _ in range(4):
        pace.answered()
    assert 4.9 < pace.limit < 5.1
    for _ in range(100):
        pace.answered()
    assert pace.limit == 8


async def test_one_turn_is_left_however_often_it_was_shed():
    pace = Pace(8)
    await pace.begin()
    for _ in range(5):
        pace.shed()
    pace.end()
    await asyncio.wait_for(pace.begin(), 1)
    assert pace.held == 1


async def test_a_turn_is_not_lost_when_the_one_who_waits_for_it_leaves():
    pace = Pace(1)
    await pace.begin()
    leaving, staying = asyncio.create_task(pace.begin()), asyncio.create_task(pace.begin())
    await settle()
    pace.end()  # grants the permit to a waiter that leaves before it can run
    leaving.cancel()
    await asyncio.wait_for(staying, 1)
    assert pace.held == 1
