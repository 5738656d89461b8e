import asyncio

import pytest
from virtual_time import run

from gateway.admission.admission_queue import AdmissionQueue
from gateway.admission.aimd import AimdLimit
from gateway.errors import DeadlineExceeded, Overloaded
from gateway.request.deadline import Deadline
from gateway.request.priority import Priority

INTERACTIVE, BATCH = Priority


class Server:
    """Answers a call `seconds` after it began, and records the calls."""

    def __init__(self, seconds, fault=None):
        self.seconds, self.fault, self.calls = seconds, fault, []

    async def __call__(self, items, priority, timeout_s):
        self.calls.append((items, priority.name, round(timeout_s, 6)))
        await asyncio.sleep(self.seconds)
        if self.fault:
            raise self.fault
        return [item * 10 for item in items]


def queue_of(server, limit=100, max_in_flight=1, dropped=lambda: None, **more):
    options = {"batch_share": 0.5, "max_items": 64, "uniform": lambda: 0.5, **more}
    return AdmissionQueue(server, AimdLimit(limit, limit, 60.0), max_in_flight=max_in_flight, dropped=dropped, **options)


def submit(queue, items, priority=INTERACTIVE, at_s=1000.0):
    queue.admit(len(items), priority, at_s)
    return [queue.submit(item, priority, Deadline(at_s)) for item in items]


def test_answers_come_and_permits_go_back():
    async def scenario():
        server = Server(1.0)
        queue = queue_of(server, limit=3)
        futures = submit(queue, [1, 2, 3], at_s=5.0)
        with pytest.raises(Overloaded):
            queue.admit(1, INTERACTIVE, 5.0)
        assert await asyncio.gather(*futures) == [10, 20, 30]
        assert queue.limiter.held == 0
        assert [timeout_s for _, _, timeout_s in server.calls] == [5.0, 4.0]

    run(scenario())


def test_a_permit_given_back_unused_is_free_again_and_says_nothing_of_the_load():
    async def scenario():
        queue = queue_of(Server(1.0), limit=3)
        queue.admit(3, INTERACTIVE, 5.0)
        queue.give_back(INTERACTIVE)
        assert (queue.limiter.held, queue.limiter.limit.value) == (2, 3)
        submit(queue, [1], at_s=5.0)
        with pytest.raises(Overloaded):
            queue.admit(1, INTERACTIVE, 5.0)

    run(scenario())


def test_an_item_whose_time_is_over_is_not_called_for():
    async def scenario():
        server, dropped = Server(1.0), []
        queue = queue_of(server, dropped=lambda: dropped.append(1))
        first = submit(queue, [1], at_s=9.0)[0]
        await asyncio.sleep(0.1)
        late, patient = submit(queue, [2], at_s=0.5)[0], submit(queue, [3], at_s=9.0)[0]
        assert await first == 10
        with pytest.raises(DeadlineExceeded):
            await late
        assert await patient == 30
        assert [items for items, _, _ in server.calls] == [[1], [3]]
        assert dropped == [1]
        assert queue.limiter.held == 0

    run(scenario())


def test_an_item_that_cannot_be_answered_in_time_is_not_begun():
    async def scenario():
        server = Server(1.0)
        queue = queue_of(server)
        for _ in range(30):
            await submit(queue, [0])[0]
        server.calls.clear()
        now_s = asyncio.get_running_loop().time()
        first, hopeless = submit(queue, [1])[0], queue_after_admission(queue, 2, now_s + 1.5)
        assert await first == 10
        with pytest.raises(DeadlineExceeded):
            await hopeless  # half a second is left, and a call takes one
        assert [items for items, _, _ in server.calls] == [[1]]

    run(scenario())


def queue_after_admission(queue, item, at_s):
    """An item that was admitted before the wait was known, with another permit held beside it."""
    queue.limiter.admit(2, INTERACTIVE, 1000.0, lambda _: None)
    return queue.submit(item, INTERACTIVE, Deadline(at_s))


def test_a_lone_item_is_tried_however_slow_the_calls_were():
    async def scenario():
        server = Server(1.0)
        queue = queue_of(server)
        for _ in range(30):
            await submit(queue, [0])[0]
        server.seconds = 0.1
        now_s = asyncio.get_running_loop().time()
        assert await submit(queue, [1], at_s=now_s + 0.5)[0] == 10

    run(scenario())


def test_a_deadline_that_moves_out_keeps_its_item():
    async def scenario():
        queue = queue_of(Server(1.0))
        first, deadline = submit(queue, [1])[0], Deadline(0.5)
        await asyncio.sleep(0.1)
        queue.admit(1, INTERACTIVE, 0.5)
        shared = queue.submit(2, INTERACTIVE, deadline)
        deadline.extend(9.0)
        assert await asyncio.gather(first, shared) == [10, 20]

    run(scenario())


def test_an_item_that_nobody_waits_for_is_not_begun():
    async def scenario():
        server = Server(1.0)
        queue = queue_of(server)
        first, left = submit(queue, [1, 2])
        await asyncio.sleep(0.5)
        left.cancel()
        assert await first == 10
        await asyncio.sleep(5)
        assert [items for items, _, _ in server.calls] == [[1]]
        assert queue.limiter.held == 0

    run(scenario())


def test_batch_work_has_calls_of_its_own_priority():
    async def scenario():
        server = Server(1.0)
        queue = queue_of(server, max_items=8)
        await asyncio.gather(*submit(queue, [1], BATCH), *submit(queue, [2]))
        assert {(tuple(items), priority) for items, priority, _ in server.calls} == {((1,), "BATCH"), ((2,), "INTERACTIVE")}

    run(scenario())


def test_a_full_queue_behind_lowers_the_limit():
    async def scenario():
        limit = AimdLimit(10, 1000, 60.0)
        limit.value = 100.0
        full = Server(0.1, Overloaded("full"))
        queue = AdmissionQueue(full, limit, batch_share=0.5, max_items=64, max_in_flight=1, dropped=lambda: None)
        with pytest.raises(Overloaded):
            await submit(queue, [1])[0]
        assert limit.value == 90

    run(scenario())


def test_a_queue_is_idle_once_all_that_was_admitted_is_answered():
    async def scenario():
        queue = queue_of(Server(1.0))
        assert queue.idle
        queue.admit(1, INTERACTIVE, 9.0)
        assert not queue.idle, "its item is submitted next"
        future = queue.submit(1, INTERACTIVE, Deadline(9.0))
        await asyncio.sleep(0.5)
        future.cancel()
        await asyncio.sleep(0.1)
        assert queue.limiter.held == 0
        assert not queue.idle, "the call is still in flight"
        await asyncio.sleep(0.5)
        assert queue.idle

    run(scenario())


@pytest.mark.parametrize("fault", [None, Overloaded("full")])
def test_a_queue_that_gets_no_more_answers_all_that_wait_and_is_idle_then(fault):
    async def scenario():
        queue = queue_of(Server(1.0, fault), max_items=1)
        futures = [*submit(queue, [1, 2, 3]), *submit(queue, [4, 5], BATCH)]
        await asyncio.wait(futures)
        assert [future.exception() or future.result() for future in futures] == ([fault] * 5 if fault else [10, 20, 30, 40, 50])
        assert queue.idle

    run(scenario())


@pytest.mark.parametrize("overload", [1, 2, 5])
def test_under_overload_nearly_all_that_is_begun_is_answered_in_time_and_the_server_is_never_idle(overload):
    """Arrivals at a multiple of the server's capacity, each with a deadline of a second."""

    async def scenario():
        capacity_per_s, seconds, deadline_s = 320.0, 60, 1.0
        server = Server(0.1)  # 32 items in 0.1 s
        queue = AdmissionQueue(
            server, AimdLimit(64, 1024, 0.5), batch_share=0.5, max_items=32, max_in_flight=1, dropped=lambda: None, uniform=lambda: 0.5
        )
        loop = asyncio.get_running_loop()
        counts = {"answered": 0, "late": 0, "shed": 0}

        async def client(burst):
            at_s = loop.time() + deadline_s
            try:
                queue.admit(burst, INTERACTIVE, at_s)
            except Overloaded:
                counts["shed"] += burst
                return
            futures = [queue.submit(1, INTERACTIVE, Deadline(at_s)) for _ in range(burst)]
            await asyncio.wait(futures, timeout=deadline_s)
            for future in futures:
                good = future.done() and not future.exception()
                counts["answered" if good else "late"] += 1
                future.cancel()

        clients, burst = [], 4
        for _ in range(int(seconds * capacity_per_s * overload / burst)):
            clients.append(asyncio.create_task(client(burst)))
            await asyncio.sleep(burst / capacity_per_s / overload)
        await asyncio.gather(*clients)
        assert counts["answered"] >= 0.9 * capacity_per_s * seconds, counts
        assert counts["late"] <= 0.02 * counts["answered"], counts

    run(scenario())
