"""The pool with fake clients: gates instead of networks."""

import asyncio
import contextlib

import pytest
from virtual_time import run

from gateway.errors import BackendBroken, DeadlineExceeded, InvalidRequest, NotReady, Overloaded, Unreachable
from gateway.triton.endpoints.breaker import FAILURES_TO_OPEN, REST_S, State
from gateway.triton.endpoints.discovery import Discovery
from gateway.triton.endpoints.latencies import LEAST
from gateway.triton.endpoints.pool import Endpoints

MODEL = ("topics", 1)


class Client:
    """Answers with its address, raises `fault`, or waits for its gate."""

    def __init__(self, address):
        self.address, self.fault, self.calls, self.closed, self.seconds = address, None, 0, False, 0.0
        self.gate = asyncio.Event()
        self.gate.set()

    async def probe(self):
        if self.fault:
            raise self.fault
        return "well"

    async def aclose(self):
        self.closed = True


async def send(client, left_s):
    client.calls += 1
    await client.gate.wait()
    await asyncio.sleep(client.seconds)
    if client.fault:
        raise client.fault
    return client.address


class Pool:
    """Two endpoints, and their clients by address."""

    def __init__(self, **options):
        self.clients = {}
        self.discovery = Discovery(["a:1", "b:1"])
        self.endpoints = Endpoints(self.discovery, self._client_of, **options)

    def _client_of(self, address):
        self.clients[address] = Client(address)
        return self.clients[address]

    async def refresh(self, **serves):
        answers = await self.endpoints.refresh(lambda client: client.probe())
        self.endpoints.serve({address: frozenset({MODEL}) for address in self.discovery.urls})
        return answers

    async def call(self, timeout_s=60.0):
        return await self.endpoints.call(MODEL, 1, timeout_s, send)


async def pool_of(**options):
    pool = Pool(**options)
    await pool.refresh()
    return pool, *pool.clients.values()


async def test_calls_go_to_who_has_less_to_do():
    pool, a, b = await pool_of()
    a.gate.clear()
    b.gate.clear()
    calls = [asyncio.create_task(pool.call()) for _ in range(20)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (a.calls, b.calls) == (10, 10)
    a.gate.set()
    b.gate.set()
    await asyncio.gather(*calls)


async def test_only_who_serves_it_is_asked():
    pool, a, b = await pool_of()
    pool.endpoints.serve({"b:1": frozenset({MODEL})})
    assert {await pool.call() for _ in range(10)} == {"b:1"}
    pool.endpoints.serve({})
    with pytest.raises(NotReady, match="no model server answers for this version"):
        await pool.call()
    assert (a.calls, b.calls) == (0, 10)


@pytest.mark.parametrize("fault", [Unreachable("gone"), NotReady("not here"), Overloaded("full")])
async def test_what_was_refused_is_asked_of_another(fault):
    pool, a, _b = await pool_of()
    a.fault = fault
    assert {await pool.call() for _ in range(20)} == {"b:1"}


@pytest.mark.parametrize("fault", [DeadlineExceeded("late"), BackendBroken("broken")])
async def test_what_may_be_worked_on_still_is_not_asked_of_another(fault):
    pool, a, b = await pool_of()
    a.fault = b.fault = fault
    with pytest.raises(type(fault)):
        await pool.call()
    assert a.calls + b.calls == 1


async def test_without_a_budget_nothing_is_asked_twice():
    pool, a, b = await pool_of(retry_share=0)
    a.fault = b.fault = Overloaded("full")
    with pytest.raises(Overloaded):
        await pool.call()
    assert a.calls + b.calls == 1


def test_who_does_not_answer_is_left_out_until_it_was_probed_and_tried():
    async def scenario():
        pool, a, _b = await pool_of()
        a.fault = Unreachable("gone")
        for _ in range(FAILURES_TO_OPEN):
            await pool.refresh()
        assert {await pool.call() for _ in range(10)} == {"b:1"}
        assert a.calls == 0
        a.fault = None

        await pool.refresh()
        assert {await pool.call() for _ in range(10)} == {"b:1"}
        await asyncio.sleep(REST_S)
        await pool.refresh()
        assert {await pool.call() for _ in range(20)} == {"a:1", "b:1"}

    run(scenario())


async def test_calls_that_hang_on_one_that_went_silent_are_asked_of_another():
    pool, a, _b = await pool_of()
    a.gate.clear()
    calls = [asyncio.create_task(pool.call()) for _ in range(4)]
    await asyncio.sleep(0)
    a.fault = Unreachable("frozen")
    for _ in range(FAILURES_TO_OPEN):
        await pool.refresh()
    async with asyncio.timeout(10):
        assert await asyncio.gather(*calls) == ["b:1"] * 4


async def test_all_gone_says_when_to_come_back():
    pool, a, b = await pool_of()
    a.fault = b.fault = Unreachable("gone")
    for _ in range(FAILURES_TO_OPEN):
        await pool.refresh()
    with pytest.raises(NotReady) as gone:
        await pool.call()
    assert 1 <= gone.value.retry_after_s <= 4
    assert a.calls + b.calls == 0


async def test_a_caller_that_gives_up_leaves_no_call_and_no_load_behind():
    pool, a, b = await pool_of()
    a.gate.clear()
    b.gate.clear()
    call = asyncio.create_task(pool.call())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert [(endpoint.load, len(endpoint.calls)) for endpoint in pool.endpoints._endpoints.values()] == [(0, 0), (0, 0)]


def test_a_slow_call_is_hedged_and_the_first_answer_counts():
    async def scenario():
        pool, a, b = await pool_of(hedge_percentile=95)
        for i in range(4 * LEAST):
            a.seconds = b.seconds = 0.1 if i % 10 else 0.5
            await pool.call()
        b.seconds = 0.1
        a.gate.clear()
        async with asyncio.timeout(10):
            assert {await pool.call() for _ in range(10)} == {"b:1"}
        assert a.calls > 0
        assert all(not endpoint.calls for endpoint in pool.endpoints._endpoints.values())

    run(scenario())


def test_without_a_percentile_nothing_is_hedged():
    async def scenario():
        pool, a, b = await pool_of()
        for _ in range(4 * LEAST):
            await pool.call()
        before = a.calls + b.calls
        a.gate.clear()
        b.gate.clear()
        call = asyncio.create_task(pool.call())
        await asyncio.sleep(60)
        assert a.calls + b.calls == before + 1
        a.gate.set()
        b.gate.set()
        await call

    run(scenario())


async def test_endpoints_come_and_go():
    pool, a, b = await pool_of()
    pool.discovery.urls = ["b:1", "c:1"]
    answers = await pool.refresh()
    assert answers == {"b:1": "well", "c:1": "well"}
    assert (a.closed, b.closed) == (True, False)
    assert {await pool.call() for _ in range(30)} == {"b:1", "c:1"}
    await pool.endpoints.aclose()
    assert b.closed


async def hanging_call(pool, client, other):
    """A call that hangs at the endpoint of a client."""
    client.gate.clear()
    other.gate.clear()
    calls = [asyncio.create_task(pool.call()) for _ in range(2)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    other.gate.set()
    [hanging] = (await asyncio.wait(calls, timeout=0.01))[1]
    return hanging


async def test_one_that_is_known_no_more_finishes_its_calls_and_gets_no_others():
    pool, a, b = await pool_of()
    hanging = await hanging_call(pool, a, b)
    pool.discovery.urls = ["b:1"]
    assert await pool.refresh() == {"b:1": "well"}
    assert {await pool.call() for _ in range(10)} == {"b:1"}
    assert not a.closed
    a.gate.set()
    assert await hanging == "a:1"
    await pool.refresh()
    assert a.closed


async def test_calls_on_one_that_is_known_no_more_and_went_silent_are_asked_of_another():
    pool, a, b = await pool_of()
    hanging = await hanging_call(pool, a, b)
    pool.discovery.urls, a.fault = ["b:1"], Unreachable("gone")
    for _ in range(FAILURES_TO_OPEN):
        await pool.refresh()
    assert await hanging == "b:1"


OUTCOMES = {
    "answered": (None, State.CLOSED, (1, 0)),
    "refused: busy": (Overloaded("full"), State.CLOSED, (0, 0)),
    "refused: not served": (NotReady("not here"), State.CLOSED, (0, 0)),
    "refused: an item": (InvalidRequest("bad"), State.CLOSED, (0, 0)),
    "broken": (BackendBroken("broken"), State.CLOSED, (0, 1)),
    "late": (DeadlineExceeded("late"), State.OPEN, (0, 1)),
    "unreachable": (Unreachable("gone"), State.OPEN, (0, 0)),
    "withdrawn: a fault of ours": (KeyError("ours"), State.HALF_OPEN, (0, 0)),
}
"""The fault of a trial, the breaker's state after it, and the record's (answered, failed)."""


async def half_open_pool():
    """A pool with one endpoint, whose breaker is half open: the next call decides."""
    pool = Pool()
    pool.discovery.urls = ["a:1"]
    await pool.refresh()
    [client], [endpoint] = pool.clients.values(), pool.endpoints._endpoints.values()
    client.fault = Unreachable("gone")
    for _ in range(FAILURES_TO_OPEN):
        await pool.refresh()
    client.fault = None
    await asyncio.sleep(REST_S)
    await pool.refresh()
    assert endpoint.breaker.state is State.HALF_OPEN
    return pool, client, endpoint


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_each_outcome_is_booked_once_in_breaker_record_and_load(outcome):
    fault, state, record = OUTCOMES[outcome]

    async def scenario():
        pool, client, endpoint = await half_open_pool()
        client.fault = fault
        with pytest.raises(type(fault)) if fault else contextlib.nullcontext():
            await pool.call()
        assert endpoint.breaker.state is state
        assert (endpoint.record.answered, endpoint.record.failed) == record
        assert (endpoint.load, endpoint.calls) == (0, set())

    run(scenario())


def test_a_withdrawn_trial_decides_nothing_and_lets_the_next_call_try():
    async def scenario():
        pool, client, endpoint = await half_open_pool()
        client.gate.clear()
        call = asyncio.create_task(pool.call())
        await asyncio.sleep(1)
        assert not endpoint.breaker.lets_through
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (endpoint.breaker.state, endpoint.breaker.lets_through) == (State.HALF_OPEN, True)
        assert (endpoint.record.answered, endpoint.record.failed, endpoint.load, endpoint.calls) == (0, 0, 0, set())

    run(scenario())


async def test_an_abandoned_call_is_booked_by_what_opened_the_breaker_and_not_a_second_time():
    pool, a, b = await pool_of()
    a.gate.clear()
    b.gate.clear()
    calls = [asyncio.create_task(pool.call()) for _ in range(4)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    b.gate.set()
    endpoint = pool.endpoints._endpoints["a:1"]
    a.fault = Unreachable("frozen")
    for _ in range(FAILURES_TO_OPEN):
        await pool.refresh()
    assert await asyncio.gather(*calls) == ["b:1"] * 4
    assert (endpoint.breaker.state, endpoint.breaker._failures) == (State.OPEN, FAILURES_TO_OPEN)
    assert (endpoint.record.answered, endpoint.record.failed, endpoint.load, endpoint.calls) == (0, 0, 0, set())


async def test_only_answered_calls_are_measured():
    pool, a, b = await pool_of(retry_share=0)
    for fault in (Overloaded("full"), BackendBroken("broken"), DeadlineExceeded("late"), Unreachable("gone")):
        a.fault = b.fault = fault
        with pytest.raises(type(fault)):
            await pool.call()
    a.fault = b.fault = None
    await pool.call()
    assert [len(seen) for seen in pool.endpoints._latencies._seen.values()] == [1]
