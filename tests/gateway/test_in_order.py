import asyncio

import pytest

from gateway.grpc_server.in_order import in_order


class Gates:
    """Answers `n` when gate `n` is opened; keeps count of what is under way."""

    def __init__(self, count):
        self.gates = [asyncio.Event() for _ in range(count)]
        self.read, self.begun, self.cancelled = 0, [], []

    async def requests(self):
        for number in range(len(self.gates)):
            self.read += 1
            yield number

    async def answer(self, number):
        self.begun.append(number)
        try:
            await self.gates[number].wait()
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        return number


async def settle():
    for _ in range(50):
        await asyncio.sleep(0)


async def test_answers_come_in_the_order_of_the_requests_whatever_order_they_are_ready_in():
    gates = Gates(4)
    answers = in_order(gates.requests(), gates.answer, window=4)
    first = asyncio.ensure_future(anext(answers))
    await settle()
    assert gates.begun == [0, 1, 2, 3]
    for gate in reversed(gates.gates[1:]):
        gate.set()
    await settle()
    assert not first.done()
    gates.gates[0].set()
    assert [await first, *[answer async for answer in answers]] == [0, 1, 2, 3]


async def test_no_more_requests_are_read_than_may_be_under_way():
    gates = Gates(10)
    answers = in_order(gates.requests(), gates.answer, window=3)
    first = asyncio.ensure_future(anext(answers))
    await settle()
    assert gates.begun == [0, 1, 2]
    assert gates.read <= 4
    gates.gates[0].set()
    assert await first == 0
    second = asyncio.ensure_future(anext(answers))
    await settle()
    assert gates.begun == [0, 1, 2, 3]
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    await answers.aclose()
    assert gates.cancelled == [1, 2, 3]


async def test_client_that_waits_for_an_answer_before_it_asks_again_gets_it():
    asked = asyncio.Queue()

    async def requests():
        while (number := await asked.get()) is not None:
            yield number

    async def double(number):
        return 2 * number

    answers = in_order(requests(), double, window=8)
    for number in (3, 5):
        asked.put_nowait(number)
        assert await asyncio.wait_for(anext(answers), 5) == 2 * number
    asked.put_nowait(None)
    assert [answer async for answer in answers] == []


async def test_exception_of_an_answer_ends_the_stream_and_what_was_under_way():
    gates = Gates(3)

    async def answer(number):
        answered = await gates.answer(number)
        if answered == 1:
            raise KeyError("broken")
        return answered

    answers = in_order(gates.requests(), answer, window=3)
    first = asyncio.ensure_future(anext(answers))
    await settle()
    for gate in gates.gates[:2]:
        gate.set()
    assert await first == 0
    with pytest.raises(KeyError, match="broken"):
        await anext(answers)
    assert gates.cancelled == [2]
