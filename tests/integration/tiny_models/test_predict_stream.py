"""Streams of many lines: order, flat memory, back-pressure both ways, errors of single lines."""

import asyncio
import json
import uuid

import httpx
import psutil
import pytest
from aiohttp import ClientSession, ClientTimeout
from gateway_process import wait_until

pytestmark = pytest.mark.integration
MEBIBYTE = 2**20


def stream_url(gateway, model="weather", query=""):
    return f"{gateway.url}/v1/models/{model}:predictStream{query}"


def ask(gateway, *lines, query="", model="weather", headers=None):
    return httpx.post(stream_url(gateway, model, query), content=b"\n".join(lines), headers=headers, timeout=60)


def read(answer):
    return [json.loads(line) for line in answer.text.splitlines()]


def test_lines_are_answered_as_predict_answers_them(tasks_gateway, tasks_repository):
    texts = tasks_repository.texts
    answer = ask(tasks_gateway, *(json.dumps(text).encode() for text in texts), query='?parameters={"top_k":2}')
    assert (answer.status_code, answer.headers["content-type"], answer.headers["x-model-version"]) == (200, "application/x-ndjson", "1")
    expected = httpx.post(f"{tasks_gateway.url}/v1/models/weather:predict", json={"instances": texts, "parameters": {"top_k": 2}}).json()
    assert [(one["line"], one["prediction"]) for one in read(answer)] == list(enumerate(expected["predictions"], start=1))


def test_the_instances_of_each_task_are_accepted(tasks_gateway):
    ranked = read(ask(tasks_gateway, b'{"query": "alna", "documents": ["bero", "alna"]}', model="ranker"))
    assert sorted(one["index"] for one in ranked[0]["prediction"]) == [0, 1]
    parameters = '?parameters={"candidate_labels":["alna","bero"]}'
    assert set(read(ask(tasks_gateway, b'"alna"', model="zero-shot", query=parameters))[0]["prediction"]["labels"]) == {"alna", "bero"}


def test_an_error_of_a_line_affects_this_line_only(tasks_gateway):
    lines = [
        b'"alna"',
        b"not json",
        b"",
        b'{"question": "a", "context": "b"}',
        json.dumps("a" * 200_000).encode(),
        b'"' + b"a" * 9_000_000,
        b'"bero"',
    ]
    answers = read(ask(tasks_gateway, *lines))
    assert [(one["line"], one.get("status")) for one in answers] == [(1, None), (2, 400), (4, 422), (5, 413), (6, 413), (7, None)]
    assert "the line is not JSON" in answers[1]["error"]


@pytest.mark.parametrize(
    ("model", "query", "status", "sentence"),
    [
        ("none", "", 404, "no such model"),
        ("weather", "?version=7", 404, "no version 7"),
        ("weather", "?version=x", 422, "version: must be a whole number"),
        ("weather", "?version=99999999999999999999", 422, "version: must be a whole number"),
        ("weather", "?parameters={", 400, "parameters: not JSON"),
        ("weather", '?parameters={"multi_label":true}', 422, "does not take it"),
    ],
)
def test_an_error_of_the_whole_request_is_answered_before_the_first_line(tasks_gateway, model, query, status, sentence):
    answer = ask(tasks_gateway, b'"a"', model=model, query=query)
    assert (answer.status_code, sentence in answer.json()["error"]) == (status, True)


def test_an_unknown_priority_is_answered_before_the_first_line(tasks_gateway):
    answer = ask(tasks_gateway, b'"a"', headers={"X-Priority": "urgent"})
    assert (answer.status_code, answer.json()) == (400, {"error": "X-Priority: must be one of interactive, batch"})


def test_each_line_has_the_deadline_of_its_own(tasks_gateway):
    answers = read(ask(tasks_gateway, json.dumps(uuid.uuid4().hex).encode(), headers={"X-Request-Timeout-Ms": "0.001"}))
    assert [one["status"] for one in answers] == [504]


def test_a_stream_has_one_variant_and_shares_cache_entries_with_requests(tasks_gateway):
    text = uuid.uuid4().hex
    unit = {"X-Unit-ID": "u-1"}
    variants = {ask(tasks_gateway, b'"alna"', b'"bero"', model="embeddings", headers=unit).headers["x-variant"] for _ in range(3)}
    body = {"instances": ["alna"]}
    assert variants == {httpx.post(f"{tasks_gateway.url}/v1/models/embeddings:predict", json=body, headers=unit).headers["x-variant"]}
    read(ask(tasks_gateway, json.dumps(text).encode()))
    url = f"{tasks_gateway.url}/v1/models/weather:predict"
    wait_until(lambda: httpx.post(url, json={"instances": [text]}).headers["x-cache"] == "hit")
    before = tasks_gateway.metric("headrace_items_total", model="weather", result="miss")
    read(ask(tasks_gateway, *[json.dumps(text).encode()] * 500))
    assert tasks_gateway.metric("headrace_items_total", model="weather", result="miss") == before


class Lines:
    """A body of many lines with few different texts; `sent` counts the lines that were read."""

    def __init__(self, count, texts=1000, together=100, pad_bytes=0):
        self.sent, self._count, self._texts, self._together, self._pad = 0, count, texts, together, b" " * pad_bytes

    async def __aiter__(self):
        while self.sent < self._count:
            part = b"".join(b'%s"alna %d"\n' % (self._pad, number % self._texts) for number in range(self.sent, self.sent + self._together))
            self.sent += self._together
            yield part


async def test_memory_stays_flat_over_two_hundred_thousand_lines(tasks_gateway):
    process = psutil.Process(tasks_gateway.process.pid)
    lines, numbers, rss = Lines(200_000), 0, []
    async with (
        ClientSession(timeout=ClientTimeout(None)) as session,
        session.post(stream_url(tasks_gateway), data=aiter_of(lines)) as answer,
    ):
        async for line in answer.content:
            numbers += 1
            if numbers % 5_000 == 0:
                assert json.loads(line)["line"] == numbers
                rss.append(process.memory_info().rss)
    assert numbers == 200_000
    assert max(rss) - rss[3] < 8 * MEBIBYTE, rss  # the first lines warm the gateway up


async def aiter_of(lines):
    async for part in lines:
        yield part


async def test_the_body_of_a_client_that_does_not_read_is_not_read(tasks_gateway):
    process = psutil.Process(tasks_gateway.process.pid)
    before = process.memory_info().rss
    lines = Lines(10**9, pad_bytes=1000)  # more than the sockets' buffers hold
    async with (
        ClientSession(timeout=ClientTimeout(None), read_bufsize=2**12) as session,
        session.post(stream_url(tasks_gateway, "embeddings"), data=aiter_of(lines)) as answer,
    ):
        await answer.content.readline()
        at = await settled(lambda: lines.sent)
        assert process.memory_info().rss - before < 64 * MEBIBYTE
        for _ in range(20_000):
            await answer.content.readline()
        assert await settled(lambda: lines.sent) > at, "the gateway goes on reading when the client reads"
        answer.connection.transport.abort()  # closing would wait until all written data is read
    await asyncio.to_thread(wait_until, lambda: '"error":"the client left"' in tasks_gateway.log.read_text())
    assert tasks_gateway.metric("headrace_pending_items", model="embeddings") == 0


async def settled(count):
    """The value of `count()` after it has not changed for half a second."""
    same, value = 0, count()
    while same < 10:
        await asyncio.sleep(0.05)  # another process decides when it stops reading
        same, value = (same + 1, value) if count() == value else (0, count())
    return value


async def test_a_client_that_neither_reads_nor_sends_is_cut_off(start_gateway, tasks_triton):
    gateway = start_gateway(triton_url=tasks_triton.http_url, stream_stall_s=0.5)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b'POST /v1/models/weather:predictStream HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n"alna"\n\r\n')
    answer = await asyncio.wait_for(reader.read(), timeout=20)
    assert b'{"line":1,"prediction":' in answer
    assert not answer.endswith(b"0\r\n\r\n"), "the client must see that the response is cut"
    writer.close()
    wait_until(lambda: "neither sent nor read for 0.5 s" in gateway.log.read_text())


async def test_lines_that_are_shed_are_asked_again(start_gateway, tasks_triton):
    gateway = start_gateway(triton_url=tasks_triton.http_url, max_pending=4, max_in_flight=1)
    answers = await asyncio.to_thread(lambda: read(ask(gateway, *(json.dumps(uuid.uuid4().hex).encode() for _ in range(300)))))
    assert ["prediction" in one for one in answers] == [True] * 300
