import asyncio
import itertools
from collections import Counter

import pytest
from virtual_time import run

from gateway.admission.admission_queue import GRACE_S, AdmissionQueue
from gateway.admission.call_size import SMALL
from gateway.admission.queue_limits import QueueLimits
from gateway.errors import DeadlineExceeded, Overloaded
from gateway.request.deadline import Deadline
from gateway.request.priority import Priority
from gateway.request.ticket import Ticket

INTERACTIVE, BATCH = Priority


class Server:
    """Answers a call `seconds` after it began (and `per_item_s` for each item), and records it."""

    def __init__(self, seconds, fault=None, per_item_s=0.0):
        self.seconds, self.fault, self.per_item_s, self.calls = seconds, fault, per_item_s, []

    async def __call__(self, items, priority, timeout_s):
        self.calls.append((items, priority.name, round(timeout_s, 6)))
        await asyncio.sleep(self.seconds + self.per_item_s * len(items))
        if self.fault:
            raise self.fault
        return [item * 10 for item in items]


class Observer:
    def __init__(self):
        self.counts, self.waits = Counter(), []

    def expired(self):
        self.counts["expired"] += 1

    def shed(self, priority, items):
        self.counts[f"shed {priority.name}"] += items

    def waited(self, priority, seconds):
        self.waits.append((priority.name, round(seconds, 6)))

    def changed(self):
        self.counts["changed"] += 1


def queue_of(server, *, instances=1, max_items=64, **limits):
    given = {"max_pending": 1000, "max_pending_bytes": 10**6, "target_latency_s": 60.0, "batch_share": 0.5, "max_in_flight": 1, **limits}
    return AdmissionQueue(
        server,
        lambda _: 10,
        lambda _: 100,
        QueueLimits(**given),
        instances=instances,
        max_items=max_items,
        observer=Observer(),
        uniform=lambda: 0.5,
    )


def submit(queue, items, priority=INTERACTIVE, at_s=1000.0, flow=("t", "k", "c")):
    ticket = queue.admit(items, flow, priority, at_s)
    return [queue.submit(item, ticket, Deadline(at_s)) for item in items]


def now_s():
    return asyncio.get_running_loop().time()


def test_answers_come_and_a_call_outlasts_its_deadline_by_a_grace():
    async def scenario():
        server = Server(1.0)
        queue = queue_of(server)
        queue.limit.value = 64
        futures = submit(queue, [1, 2, 3, 4, 5, 6], at_s=5.0)
        assert await asyncio.gather(*futures) == [10, 20, 30, 40, 50, 60]
        assert queue.idle
        assert [(len(items), timeout_s) for items, _, timeout_s in server.calls] == [
            (4, 5.0 + GRACE_S),
            (2, 4.0 + GRACE_S),
        ]
        assert queue._observer.waits == [("INTERACTIVE", 0.0), ("INTERACTIVE", 1.0)]

    run(scenario())


def test_an_item_whose_time_is_over_is_not_called_for():
    async def scenario():
        server = Server(1.0)
        queue = queue_of(server)
        first = submit(queue, [1], at_s=9.0)[0]
        await asyncio.sleep(0.1)
        late, patient = submit(queue, [2], at_s=0.5)[0], submit(queue, [3], at_s=9.0)[0]
        assert await first == 10
        with pytest.raises(DeadlineExceeded):
            await late
        assert await patient == 30
        assert [items for items, _, _ in server.calls] == [[1], [3]]
        assert queue._observer.counts["expired"] == 1
        assert queue.idle

    run(scenario())


def test_an_item_that_cannot_be_answered_in_time_is_not_begun():
    async def scenario():
        server = Server(1.0)
        queue = queue_of(server)
        for _ in range(30):
            await submit(queue, [0])[0]
        server.calls.clear()
        at_s = now_s() + 1.5
        first = submit(queue, [1])[0]
        await asyncio.sleep(0.1)
        other, hopeless = submit(queue, [3])[0], queue.submit(2, Ticket((), INTERACTIVE, 1), Deadline(at_s))
        assert await first == 10
        with pytest.raises(DeadlineExceeded):
            await hopeless  # half a second is left, and a call takes one
        assert await other == 30
        assert [items for items, _, _ in server.calls] == [[1], [3]]

    run(scenario())


def test_a_lone_item_is_tried_however_slow_the_calls_were():
    async def scenario():
        server = Server(1.0)
        queue = queue_of(server)
        for _ in range(30):
            await submit(queue, [0])[0]
        server.seconds = 0.1
        assert await submit(queue, [1], at_s=now_s() + 0.5)[0] == 10

    run(scenario())


def test_a_request_that_is_alone_is_tried_however_slow_the_calls_were_and_teaches_how_they_are():
    async def scenario():
        server = Server(1.0)
        queue = queue_of(server)
        for _ in range(30):
            await submit(queue, [0])[0]
        server.seconds = 0.1
        for _ in range(2):
            answers = await asyncio.gather(*submit(queue, [1, 2, 3, 4, 5, 6], at_s=now_s() + 0.5), return_exceptions=True)
        assert answers == [10, 20, 30, 40, 50, 60]

    run(scenario())


def test_a_request_that_is_not_alone_is_not_begun_where_its_answer_would_be_late():
    async def scenario():
        server = Server(1.0)
        queue = queue_of(server)
        for _ in range(30):
            await submit(queue, [0])[0]
        server.calls.clear()
        hopeless = [future for flow in "ab" for future in submit(queue, [1, 2], at_s=now_s() + 0.5, flow=("", "", flow))]
        assert [type(one) for one in await asyncio.gather(*hopeless, return_exceptions=True)] == 4 * [DeadlineExceeded]
        assert server.calls == []
        assert queue._observer.counts["expired"] == 4

    run(scenario())


def test_who_could_be_answered_in_time_is_not_refused_for_a_backlog_that_was_slow_long_ago():
    async def scenario():
        server = Server(0.0, per_item_s=1.0)
        queue = queue_of(server, max_in_flight=2, instances=2)
        await asyncio.gather(*submit(queue, [0] * 20))
        server.per_item_s = 0.01
        for _ in range(1000):  # nothing has to wait
            await asyncio.gather(*submit(queue, [0]))
        beside = submit(queue, [0])
        await asyncio.sleep(0.001)
        assert await submit(queue, [1], at_s=now_s() + 0.1, flow=("other",))[0] == 10
        await asyncio.gather(*beside)

    run(scenario())


def test_a_deadline_that_moves_out_keeps_its_item():
    async def scenario():
        queue = queue_of(Server(1.0))
        first, deadline = submit(queue, [1])[0], Deadline(0.5)
        await asyncio.sleep(0.1)
        shared = queue.submit(2, queue.admit([2], (), INTERACTIVE, 0.5), deadline)
        deadline.extend(9.0)
        assert await asyncio.gather(first, shared) == [10, 20]

    run(scenario())


def test_an_item_that_nobody_waits_for_is_not_begun_and_one_that_has_begun_is_ended():
    async def scenario():
        server = Server(1.0)
        queue = queue_of(server)
        begun = submit(queue, [1])[0]
        await asyncio.sleep(0.5)
        left = submit(queue, [2])[0]
        assert left.cancel()
        assert not begun.cancel()
        assert await begun == 10
        await asyncio.sleep(5)
        assert [items for items, _, _ in server.calls] == [[1]]
        assert queue.idle

    run(scenario())


def test_batch_work_has_calls_of_its_own_priority_and_begins_after_interactive_work():
    async def scenario():
        server = Server(1.0)
        queue = queue_of(server, max_items=8)
        await asyncio.gather(*submit(queue, [1], BATCH), *submit(queue, [2]))
        assert [(items, priority) for items, priority, _ in server.calls] == [([2], "INTERACTIVE"), ([1], "BATCH")]

    run(scenario())


def test_a_full_queue_behind_lowers_the_limit():
    async def scenario():
        queue = queue_of(Server(0.1, Overloaded("full")))
        queue.limit.value = 50.0
        with pytest.raises(Overloaded):
            await submit(queue, [1])[0]
        assert queue.limit.value == 45

    run(scenario())


@pytest.mark.parametrize("fault", [None, Overloaded("full"), RuntimeError("broken")])
def test_a_queue_that_gets_no_more_answers_all_that_wait_and_is_idle_then(fault):
    async def scenario():
        queue = queue_of(Server(1.0, fault), max_items=1)
        futures = [*submit(queue, [1, 2, 3]), *submit(queue, [4, 5], BATCH)]
        await asyncio.wait(futures)
        assert [future.exception() or future.result() for future in futures] == ([fault] * 5 if fault else [10, 20, 30, 40, 50])
        assert queue.idle

    run(scenario())


def test_a_small_request_goes_between_the_parts_of_a_large_one():
    async def scenario():
        server = Server(0.01, per_item_s=0.01)
        queue = queue_of(server, max_in_flight=2)
        large = submit(queue, list(range(1000)), flow=("", "", "large"))
        await asyncio.sleep(1)
        began_s = now_s()
        assert await submit(queue, [7], flow=("", "", "small"))[0] == 70
        assert now_s() - began_s < 0.5, "a part or two of the large request"
        assert not large[-1].done()
        assert [future.result() for future in [*large] if await future is not None] == [10 * i for i in range(1000)]

    run(scenario())


def test_a_kept_connection_is_not_starved_by_clients_that_open_one_for_each_request():
    async def scenario():
        queue = queue_of(Server(0.01, per_item_s=0.01), max_in_flight=2, max_pending=10_000)
        answered, ports = Counter(), itertools.count()

        async def go_on(who, connection):
            while True:
                await submit(queue, [0], flow=("", "", connection()))[0]
                answered[who] += 1

        submit(queue, [0] * 300, flow=("", "", ("10.0.0.2", 1)))
        await asyncio.sleep(0.1)
        # who brings little beside that is welcome for a while
        tasks = [asyncio.create_task(go_on("kept", lambda: ("10.0.0.1", "kept")))]
        tasks += [asyncio.create_task(go_on("anew", lambda: ("10.0.0.1", next(ports)))) for _ in range(64)]
        await asyncio.sleep(20)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert answered["kept"] >= answered["anew"] / 64 / 3

    run(scenario())


@pytest.mark.parametrize("flow", [("", "", "c"), ("other", "k", "c")])
@pytest.mark.parametrize("greed", [INTERACTIVE, BATCH])
@pytest.mark.parametrize(("texts", "clients"), [(1, 16), (64, 8), (300, 4), (2048, 2)])
def test_a_modest_client_beside_a_greedy_one_waits_at_most_thrice_as_long_and_is_never_shed(flow, greed, texts, clients):
    """Two instances of 10 ms a text, as a CPU has; the greedy client keeps all its requests up."""

    async def scenario():
        cores = asyncio.Semaphore(2)

        async def server(items, priority, timeout_s):
            async with cores:
                await asyncio.sleep(0.002 + 0.01 * len(items))
            return items

        queue = queue_of(server, instances=2, max_in_flight=None, max_pending=10_000)

        async def ask(count, who, priority):
            await asyncio.gather(*submit(queue, [0] * count, priority, now_s() + 600, who))

        async def modest():
            latencies = []
            for _ in range(60):
                began_s = now_s()
                await ask(1, flow, INTERACTIVE)
                latencies.append(now_s() - began_s)
                await asyncio.sleep(0.1)
            return sorted(latencies[10:])

        async def greedy(number):
            while True:
                await ask(texts, ("", "", f"greedy {number}"), greed)

        alone = await modest()
        tasks = [asyncio.create_task(greedy(number)) for number in range(clients)]
        await asyncio.sleep(5)
        began_s = now_s()
        beside = await modest()
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert beside[-1] <= 3 * alone[-1], (alone[-1], beside[-1])
        assert not queue._observer.counts["shed INTERACTIVE"] + queue._observer.counts["shed BATCH"]
        assert now_s() > began_s

    run(scenario())


@pytest.mark.parametrize("call_s", [0.002, 0.010, 0.030])
def test_calls_that_cost_more_than_their_texts_are_no_smaller_than_is_good_for_a_modest_client(call_s):
    """An instance that takes `call_s` for a call and 0.1 ms a text, as a GPU does."""

    async def scenario():
        text_s, gpu, texts = 0.0001, asyncio.Semaphore(1), 0

        async def server(items, priority, timeout_s):
            nonlocal texts
            async with gpu:
                await asyncio.sleep(call_s + text_s * len(items))
            texts += len(items)
            return items

        queue = queue_of(server, max_in_flight=None, max_pending=100_000, max_pending_bytes=10**9, max_items=512)

        async def ask(count, who):
            await asyncio.gather(*submit(queue, [0] * count, INTERACTIVE, now_s() + 600, ("", "", who)))

        async def greedy(number):
            while True:
                await ask(2048, f"greedy {number}")

        async def modest(requests):
            latencies = []
            for _ in range(requests):
                began_s = now_s()
                await ask(1, "modest")
                latencies.append(now_s() - began_s)
                await asyncio.sleep(0.1)
            return latencies

        await modest(10)
        tasks = [asyncio.create_task(greedy(number)) for number in range(2)]
        await asyncio.sleep(5)
        await modest(100)
        began_s, before = now_s(), texts
        latencies = await modest(300)
        assert (texts - before) / (now_s() - began_s) >= 0.2 / text_s, "a fifth of the time goes to texts"
        assert max(latencies) <= max(3 * (call_s + text_s), 2.1 * SMALL.least_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(scenario())


def test_who_asks_for_one_text_of_a_thousand_does_not_wait_for_the_thousand():
    async def scenario():
        server = Server(0.01, per_item_s=0.01)
        queue = queue_of(server)
        large = submit(queue, list(range(1000)), flow=("", "", "large"))
        await asyncio.sleep(0.5)
        ticket = queue.admit([], ("", "", "small"), INTERACTIVE, 1000.0, waits_for=1)
        queue.hasten(large[-1], ticket)
        began_s = now_s()
        assert await large[-1] == 9990
        assert now_s() - began_s < 1
        queue.hasten(large[-1], ticket)
        bigger = queue.admit([], ("", "", "bigger"), INTERACTIVE, 1000.0, waits_for=2000)
        queue.hasten(large[-2], bigger)
        assert large[-2].ticket is not bigger, "it would wait longer there"
        assert len(await asyncio.gather(*large)) == 1000
        assert queue.idle

    run(scenario())


@pytest.mark.parametrize("limit", [{"max_pending": 100}, {"max_pending_bytes": 10_000}])
def test_where_no_more_may_wait_whoever_holds_most_is_shed_and_the_modest_are_not(limit):
    async def scenario():
        queue = queue_of(Server(1.0), **limit)
        running = submit(queue, [0])
        await asyncio.sleep(0.1)
        huge, small = submit(queue, [1] * 80, flow=("greedy", "k", "c")), submit(queue, [2] * 10, flow=("greedy", "k", "d"))
        with pytest.raises(Overloaded, match="91 texts wait for this version, and no more may; try again later"):
            submit(queue, [3] * 90, flow=("another", "k", "c"))
        modest = submit(queue, [4] * 20, flow=("modest", "k", "c"))
        outcomes = await asyncio.gather(*running, *small, *modest, *huge, return_exceptions=True)
        assert outcomes[:31] == [0, *[20] * 10, *[40] * 20]
        assert {type(outcome) for outcome in outcomes[31:]} == {Overloaded}
        assert "most of them of this client" in str(outcomes[-1])
        assert 1 <= outcomes[-1].retry_after_s <= 30
        assert queue._observer.counts["shed INTERACTIVE"] == 90 + 80
        assert queue.idle

    run(scenario())


def test_batch_work_is_shed_for_interactive_work_and_never_the_reverse():
    async def scenario():
        queue = queue_of(Server(1.0), max_pending=100)
        running = submit(queue, [0])
        await asyncio.sleep(0.1)
        batch, interactive = submit(queue, [1] * 50, BATCH), submit(queue, [2] * 50)
        with pytest.raises(Overloaded):
            submit(queue, [3] * 60, BATCH, flow=("another",))
        more = submit(queue, [4] * 10)
        outcomes = await asyncio.gather(*running, *interactive, *more, *batch, return_exceptions=True)
        assert outcomes[:61] == [0, *[20] * 50, *[40] * 10]
        assert {type(outcome) for outcome in outcomes[61:]} == {Overloaded}

    run(scenario())


def test_none_is_shed_for_a_request_that_finds_no_room_even_so():
    async def scenario():
        queue = queue_of(Server(1.0), max_pending=100)
        running = submit(queue, [0])
        await asyncio.sleep(0.1)
        batch, interactive = submit(queue, [1] * 40, BATCH), submit(queue, [2] * 50)
        with pytest.raises(Overloaded, match="no more may"):
            submit(queue, [3] * 60, flow=("another",))
        assert await asyncio.gather(*running, *interactive, *batch) == [0, *[20] * 50, *[10] * 40]
        assert queue._observer.counts["shed BATCH"] == 0
        assert queue._observer.counts["shed INTERACTIVE"] == 60

    run(scenario())


def test_an_idle_queue_takes_a_request_of_any_size():
    async def scenario():
        queue = queue_of(Server(0.1), max_pending=10)
        assert len(await asyncio.gather(*submit(queue, [1] * 64))) == 64

    run(scenario())


def test_what_could_not_be_answered_in_time_is_shed_and_told_when_it_could():
    async def scenario():
        queue = queue_of(Server(0.0, per_item_s=0.01))
        await asyncio.gather(*submit(queue, [0] * 500))
        waiting = submit(queue, [0] * 500)
        submit(queue, [1], at_s=now_s() + 1, flow=("other",))
        with pytest.raises(Overloaded, match="texts wait for this version already, too many for an answer in the 2000 ms allowed") as shed:
            submit(queue, [2] * 400, at_s=now_s() + 2, flow=("other",))
        assert shed.value.retry_after_s >= 5
        with pytest.raises(Overloaded, match="ms allowed"):
            submit(queue, [3], BATCH, at_s=now_s() + 4, flow=("other",))
        await asyncio.gather(*waiting)

    run(scenario())


@pytest.mark.parametrize("overload", [1, 2, 5])
def test_under_overload_nearly_all_that_is_begun_is_answered_in_time_and_the_server_is_never_idle(overload):
    """Arrivals at a multiple of the server's capacity, each with a deadline of a second."""

    async def scenario():
        capacity_per_s, seconds, deadline_s = 320.0, 60, 1.0
        queue = queue_of(Server(0.0, per_item_s=1 / capacity_per_s), max_items=32)
        loop = asyncio.get_running_loop()
        counts = {"answered": 0, "late": 0, "shed": 0}

        async def client(burst, number):
            at_s = loop.time() + deadline_s
            try:
                futures = submit(queue, [1] * burst, at_s=at_s, flow=("", "", number))
            except Overloaded:
                counts["shed"] += burst
                return
            await asyncio.wait(futures, timeout=deadline_s)
            for future in futures:
                good = future.done() and not future.exception()
                counts["answered" if good else "late"] += 1
                future.cancel()

        clients, burst = [], 4
        for number in range(int(seconds * capacity_per_s * overload / burst)):
            clients.append(asyncio.create_task(client(burst, number)))
            await asyncio.sleep(burst / capacity_per_s / overload)
        await asyncio.gather(*clients)
        assert counts["answered"] >= 0.9 * capacity_per_s * seconds, counts
        assert counts["late"] <= 0.02 * counts["answered"], counts

    run(scenario())
