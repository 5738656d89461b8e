import asyncio

import pytest

from gateway.concurrency.joiner import Joiner


class Calls:
    """A call that lasts until its gate is open, and records its batches."""

    def __init__(self):
        self.batches = []
        self.gate = asyncio.Event()

    async def __call__(self, items):
        self.batches.append(items)
        await self.gate.wait()
        return [item * 10 for item in items]


async def turn():
    for _ in range(3):
        await asyncio.sleep(0)


async def test_items_of_one_turn_go_out_together_and_results_keep_their_order():
    call = Calls()
    joiner = Joiner(call, max_items=8, max_in_flight=1)
    futures = [joiner.submit(i) for i in range(3)]
    call.gate.set()
    assert await asyncio.gather(*futures) == [0, 10, 20]
    assert call.batches == [[0, 1, 2]]


async def test_items_that_arrive_while_calls_are_busy_go_out_with_the_next_one():
    call = Calls()
    joiner = Joiner(call, max_items=8, max_in_flight=1)
    futures = [joiner.submit(0)]
    await turn()
    futures += [joiner.submit(1), joiner.submit(2)]
    await turn()
    assert call.batches == [[0]]
    call.gate.set()
    assert await asyncio.gather(*futures) == [0, 10, 20]
    assert call.batches == [[0], [1, 2]]


async def test_a_call_has_at_most_max_items():
    call = Calls()
    joiner = Joiner(call, max_items=2, max_in_flight=2)
    futures = [joiner.submit(i) for i in range(5)]
    await turn()
    assert call.batches == [[0, 1], [2, 3]]
    call.gate.set()
    await asyncio.gather(*futures)
    assert call.batches == [[0, 1], [2, 3], [4]]


async def test_cancelled_item_is_not_called_for():
    call = Calls()
    joiner = Joiner(call, max_items=8, max_in_flight=1)
    first = joiner.submit(0)
    await turn()
    left, stays = joiner.submit(1), joiner.submit(2)
    left.cancel()
    call.gate.set()
    assert await asyncio.gather(first, stays) == [0, 20]
    assert call.batches == [[0], [2]]


async def test_fault_of_one_item_is_its_own_and_fault_of_a_call_is_everyones():
    async def call(items):
        if "all" in items:
            raise ValueError("all")
        return [ValueError(item) if item == "bad" else item for item in items]

    joiner = Joiner(call, max_items=8, max_in_flight=1)
    good, bad = joiner.submit("good"), joiner.submit("bad")
    assert await good == "good"
    with pytest.raises(ValueError, match="bad"):
        await bad
    both = [joiner.submit("all"), joiner.submit("good")]
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["all", "all"]


async def test_a_call_that_gives_another_number_of_results_fails_all_of_its_items():
    async def lossy(items):
        return items[1:]

    joiner = Joiner(lossy, max_items=8, max_in_flight=1)
    outcomes = await asyncio.gather(joiner.submit(1), joiner.submit(2), return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["a call for 2 items gave 1 results"] * 2


async def test_closing_waits_for_what_was_submitted_in_the_same_turn_and_for_what_waits():
    call = Calls()
    joiner = Joiner(call, max_items=1, max_in_flight=1)
    call.gate.set()
    futures = [joiner.submit(i) for i in range(3)]
    await joiner.aclose()
    assert [future.result() for future in futures] == [0, 10, 20]
