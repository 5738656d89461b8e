"""Deadlines, priorities, callers that disconnect, and a cache that hangs."""

import asyncio
import socket
import time
import uuid

import httpx
import psutil
import pytest
from gateway_process import GatewayProcess, free_port, wait_until
from timed import timed

from gateway.embedded.valkey import Valkey

pytestmark = pytest.mark.integration

PATIENCE_S = 150
"""For hundreds of long texts on a slow CPU."""
LONG = " ".join(["shipments"] * 80)


def body(texts, tag="", length=LONG):
    return {"instances": [f"{tag}{i} {uuid.uuid4().hex} {length}" for i in range(texts)], "version": 2}


async def post(client, gateway, texts=40, **headers):
    return await client.post(gateway.predict_url, json=body(texts), headers=headers)


@timed
async def test_interactive_work_overtakes_batch_work_that_is_shed_first(start_gateway, triton):
    gateway = start_gateway(triton_url=triton.http_url, max_pending=280, request_timeout_ms=1000 * PATIENCE_S)
    async with httpx.AsyncClient(timeout=PATIENCE_S, limits=httpx.Limits(max_connections=100)) as client:
        batch = [asyncio.create_task(post(client, gateway, **{"X-Priority": "batch"})) for _ in range(7)]
        await asyncio.to_thread(wait_until, lambda: gateway.metric("headrace_queued_items", priority="batch") > 180)
        singles = [await post(client, gateway, texts=1) for _ in range(4)]
        waiting = sum(not task.done() for task in batch)
        many = await post(client, gateway, texts=200)
        answers = await asyncio.gather(*batch)
    assert {answer.status_code for answer in (*singles, many)} == {200}
    assert waiting >= 4, "interactive work waited for batch work"
    assert {answer.status_code for answer in answers} == {200, 429}
    shed = [answer for answer in answers if answer.status_code == 429]
    assert all(1 <= int(answer.headers["retry-after"]) <= 30 for answer in shed)
    assert gateway.metric("headrace_shed_items_total", priority="batch") > 0
    assert gateway.metric("headrace_shed_items_total", priority="interactive") == 0
    assert gateway.metric("headrace_queue_seconds_count", priority="batch") > 0


@timed
async def test_a_modest_client_is_served_beside_a_greedy_one(start_gateway, triton):
    gateway = start_gateway(triton_url=triton.http_url, request_timeout_ms=1000 * PATIENCE_S)
    async with httpx.AsyncClient(timeout=PATIENCE_S, limits=httpx.Limits(max_connections=100)) as client:

        async def modest():
            seconds = []
            for _ in range(12):
                began = time.perf_counter()
                assert (await post(client, gateway, texts=1)).status_code == 200
                seconds.append(time.perf_counter() - began)
                await asyncio.sleep(0.05)
            return sorted(seconds)[len(seconds) // 2]

        await modest()
        alone = await modest()
        greedy = [asyncio.create_task(post(client, gateway, texts=40)) for _ in range(6)]
        await asyncio.to_thread(wait_until, lambda: gateway.metric("headrace_queued_items", priority="interactive") > 120)
        beside = await modest()
        busy = sum(not task.done() for task in greedy)
        answers = await asyncio.gather(*greedy)
    assert {answer.status_code for answer in answers} == {200}
    # three times is what the benchmark shows; a busy machine gets some room
    assert beside < 6 * alone, f"{busy} of the greedy requests were still under way"


async def test_what_was_computed_for_a_client_that_left_is_not_computed_again(start_gateway, triton, valkey):
    gateway = start_gateway(triton_url=triton.http_url, cache_url=valkey.url, max_in_flight=1)
    asked = body(120)
    async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
        leaving = asyncio.create_task(client.post(gateway.predict_url, json=asked))
        await asyncio.to_thread(wait_until, lambda: gateway.metric("headrace_triton_call_items_sum") > 20)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        # the call that has begun is ended, and its rows are on their way into the cache
        await asyncio.to_thread(wait_until, lambda: gateway.metric("headrace_pending_items") == 0)
        answer = await client.post(gateway.predict_url, json=asked)
    assert (answer.status_code, len(answer.json()["predictions"])) == (200, 120)
    assert gateway.metric("headrace_triton_call_items_sum") == 120


async def test_items_of_a_disconnected_caller_are_not_sent_to_triton(start_gateway, triton):
    gateway = start_gateway(triton_url=triton.http_url, max_in_flight=1, request_timeout_ms=1000 * PATIENCE_S)
    async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
        first = asyncio.create_task(post(client, gateway))
        await asyncio.to_thread(wait_until, lambda: gateway.metric("headrace_pending_items") > 32)
        leaving = [asyncio.create_task(post(client, gateway)) for _ in range(4)]
        await asyncio.to_thread(wait_until, lambda: gateway.metric("headrace_pending_items") > 80)
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
        assert (await first).status_code == 200
    wait_until(lambda: gateway.metric("headrace_pending_items") == 0)
    begun = gateway.metric("headrace_triton_call_items_sum")
    assert begun < 5 * 40, "texts of disconnected clients were sent to Triton"
    wait_until(lambda: gateway.log.read_text().count('"status":499') == 4)


async def test_texts_past_their_deadline_are_not_sent_to_triton_and_the_others_are_answered(start_gateway, triton):
    gateway = start_gateway(triton_url=triton.http_url, max_in_flight=1, request_timeout_ms=1000 * PATIENCE_S)
    async with httpx.AsyncClient(timeout=PATIENCE_S, limits=httpx.Limits(max_connections=100)) as client:
        patient = [asyncio.create_task(post(client, gateway)) for _ in range(4)]
        await asyncio.to_thread(wait_until, lambda: gateway.metric("headrace_pending_items") > 80)
        hasty = await asyncio.gather(*(post(client, gateway, texts=4, **{"X-Request-Timeout-Ms": "20"}) for _ in range(20)))
        answers = await asyncio.gather(*patient)
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.status_code for answer in hasty} <= {429, 504}
    assert gateway.metric("headrace_triton_call_items_sum") <= 4 * 40 + 4


def test_a_gateway_starts_and_answers_while_redis_is_down(start_gateway, triton):
    gateway = start_gateway(triton_url=triton.http_url, cache_url=f"redis://127.0.0.1:{free_port()}")
    answer = gateway.predict("corn", version=2)
    assert (answer.status_code, answer.headers["x-cache"]) == (200, "miss")
    assert httpx.get(f"{gateway.url}/readyz").json()["checks"]["cache"] == "does not answer"


@timed
def test_a_gateway_starts_and_answers_in_time_while_redis_hangs_and_uses_it_afterwards(tmp_path, triton):
    with Valkey() as valkey:
        process = psutil.Process(valkey.pid)
        process.suspend()
        try:
            with GatewayProcess(log=tmp_path / "gateway.log", triton_url=triton.http_url, cache_url=valkey.url) as gateway:
                gateway.predict("corn", version=2)
                began = time.perf_counter()
                statuses = {gateway.predict(uuid.uuid4().hex, version=2).status_code for _ in range(10)}
                assert statuses == {200}
                assert time.perf_counter() - began < 5
                process.resume()
                text = uuid.uuid4().hex
                wait_until(lambda: gateway.predict(text, version=2).headers["x-cache"] == "hit")
                process.suspend()
                began = time.perf_counter()
                assert gateway.predict(text, version=2).status_code == 200
                assert time.perf_counter() - began < 2
        finally:
            process.resume()


def test_a_client_that_disconnects_after_half_a_request_holds_no_resources(gateway):
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", gateway.port)) as half:
            half.sendall(b"POST /v1/models/topics:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    wait_until(lambda: "headrace_requests_in_flight 1.0" in httpx.get(f"{gateway.url}/metrics").text)
    assert gateway.predict("corn").status_code == 200
