"""How large and how deeply nested bodies of requests may be; no answer repeats them."""

import asyncio
import hashlib
import json

import httpx
import pytest

from gateway.app import create_app
from gateway.fakes.manifests import make_manifest
from gateway.fakes.triton import FakeTriton
from gateway.request.body_room import MAX_BODIES
from gateway.settings.settings import Settings

PREDICT = "/v1/models/topics:predict"
MOST_BYTES = 100_000
DEEP = b"[" * 9 + b"]" * 9


@pytest.fixture
def bounded(start_app):
    return start_app(max_json_depth=8, max_body_bytes=10_000)


@pytest.mark.parametrize(
    ("content", "status", "sentence"),
    [
        (b"[" * 5000, 400, "the body is nested more than 8 levels deep"),
        (b'{"instances": ' + DEEP + b"}", 400, "the body is nested more than 8 levels deep"),
        (b'{"instances": ["' + b"[" * 100 + b'"]}', 200, ""),
        (b" " * 10_001, 413, "the body has more than 10000 bytes"),
        (b'{"instances": ["a"], "<script>alert(1)</script>": 1}', 422, "has a field that is not known"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_bodies_over_a_limit_get_their_status_and_nothing_back_of_theirs(bounded, content, status, sentence):
    answer = bounded.post("/v1/models/topics:predict", content=content)
    assert (answer.status_code, sentence in answer.text, "script" in answer.text) == (status, True, False)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/v2/models/topics/infer", b'{"inputs": [], "parameters": {"x": %s}}' % DEEP),
        ("/v2/repository/index", b'{"ready": true, "x": %s}' % DEEP),
        ("/v1/embeddings", b'{"model": "topics", "input": %s}' % DEEP),
        ("/v1/models/topics:predictStream", DEEP),
        ("/v1/models/topics:predictStream?parameters=" + DEEP.decode(), b'"corn"'),
    ],
    ids=lambda value: str(value)[:40],
)
def test_json_is_nested_no_deeper_than_the_limit_whatever_the_dialect(bounded, path, content):
    answer = bounded.post(path, content=content)
    # of a stream the line alone fails
    assert (answer.status_code, json.loads(answer.text).get("status", 400)) in {(400, 400), (200, 400)}
    assert "is nested more than 8 levels deep" in answer.text


def test_binary_tensors_may_hold_any_brackets(bounded):
    text = b"[" * 100
    tensor = len(text).to_bytes(4, "little") + text
    head = b'{"inputs":[{"name":"TEXT","shape":[1,1],"datatype":"BYTES","parameters":{"binary_data_size":%d}}]}' % len(tensor)
    headers = {"Inference-Header-Content-Length": str(len(head))}
    assert bounded.post("/v2/models/topics/infer", content=head + tensor, headers=headers).status_code == 200


async def test_bodies_that_are_on_their_way_hold_only_so_much_and_nobody_elses_is_refused():
    """One tenant begins more large bodies than there is room for; another one comes through."""
    greedy, modest = ({"Authorization": f"Bearer hr_{name}"} for name in ("greedy", "modest"))
    keys = ",".join(f"{name}:{hashlib.sha256(f'hr_{name}'.encode()).hexdigest()}" for name in ("greedy", "modest"))
    app = create_app(Settings(api_keys=keys, max_body_bytes=MOST_BYTES), triton=FakeTriton(make_manifest("topics")))
    begun, done = asyncio.Semaphore(0), asyncio.Event()

    async def slow():
        yield b" " * (MOST_BYTES - 100)
        begun.release()
        await done.wait()
        yield b'{"instances": ["a"]}'

    async with (
        app.api.router.lifespan_context(app.api),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client,
    ):
        calls = [asyncio.create_task(client.post(PREDICT, content=slow(), headers=greedy)) for _ in range(MAX_BODIES)]
        for _ in calls:
            await begun.acquire()
        assert app.api.state.bodies.held <= MAX_BODIES * MOST_BYTES
        more = [await client.post(PREDICT, content=b" " * MOST_BYTES, headers=greedy) for _ in range(2)]
        other = await client.post(PREDICT, content=b'{"instances": ["a"]}' + b" " * (MOST_BYTES - 100), headers=modest)
        done.set()
        answers = await asyncio.gather(*calls)
    assert [answer.status_code for answer in more] == [429, 429]
    assert other.status_code == 200
    assert {answer.status_code for answer in answers} == {200}
    assert app.api.state.bodies.held == 0
