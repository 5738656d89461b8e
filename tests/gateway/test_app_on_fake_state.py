"""The whole application on a fake state: keys, and rate limits that two gateways count together."""

import asyncio
import json
from contextlib import asynccontextmanager
from time import time

import httpx
import pytest

from gateway.app import create_app
from gateway.fakes.manifests import make_manifest
from gateway.fakes.state import FakeState
from gateway.fakes.triton import FakeTriton
from gateway.request.principal import SCOPES
from gateway.request.rate_limits import RateLimits
from gateway.security.api_keys import make
from gateway.security.key_store import KeyStore
from gateway.settings.settings import Settings


@pytest.fixture
def state():
    return FakeState()


@asynccontextmanager
async def running(state, **settings):
    """A client of a gateway on this state, which asks for keys."""
    gateway = create_app(Settings(**settings), triton=FakeTriton(make_manifest("topics")), state=state)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(gateway), base_url="http://gateway")
    async with gateway.api.router.lifespan_context(gateway.api), client:
        yield client


def store(state):
    return KeyStore(state, RateLimits(), RateLimits())


async def made_key(state, expires_in_s=None, **limits):
    """A new key that has all scopes."""
    now = time()
    new = make("acme", frozenset(SCOPES), now, expires_at=expires_in_s and now + expires_in_s, limits=RateLimits(**limits))
    await store(state).create(new)
    return new


def headers_of(key):
    return {"Authorization": f"Bearer {key.text}"}


async def made(state, **limits):
    """The headers of a new key that has all scopes."""
    return headers_of(await made_key(state, **limits))


def predict(client, headers):
    return client.post("/v1/models/topics:predict", json={"instances": ["corn"]}, headers=headers)


async def test_a_key_made_by_one_gateway_is_accepted_by_another_until_it_is_revoked(state):
    async with running(state) as one, running(state, key_refresh_s=0.01) as other:
        admin = await made(state)
        new = (await one.post("/v1/admin/keys", json={"tenant": "bee"}, headers=admin)).json()
        key = {"Authorization": f"Bearer {new['api_key']}"}
        assert (await predict(other, key)).status_code == 200
        assert (await one.delete(f"/v1/admin/keys/{new['id']}", headers=admin)).status_code == 200
        while (answer := await predict(other, key)).status_code == 200:
            pass
        assert answer.status_code == 401


@pytest.mark.parametrize("end", ["revoked", "expired"])
async def test_a_stream_that_is_open_ends_with_its_key(state, end):
    key = await made_key(state, expires_in_s=0.2 if end == "expired" else None)
    sent = 0

    async def lines():
        nonlocal sent
        while True:
            sent += 1
            yield b'"corn"\n'
            if sent == 1 and end == "revoked":
                await store(state).revoke(key.key.id, time())
            await asyncio.sleep(0.001)

    async with running(state, key_refresh_s=0.01) as client:
        answer = await client.post("/v1/models/topics:predictStream", content=lines(), headers=headers_of(key))
    *answered, last = map(json.loads, answer.text.splitlines())
    assert all("prediction" in line for line in answered)
    assert last == {"line": len(answered) + 1, "status": 401, "error": "this API key is not known"}
    assert sent - len(answered) < 100


async def test_lines_at_fault_are_charged_too(state):
    headers = await made(state, items_per_day=3)
    async with running(state) as client:
        answer = await client.post("/v1/models/topics:predictStream", content=b"1\n" * 5, headers=headers)
    assert [json.loads(line)["status"] for line in answer.text.splitlines()] == [422, 422, 422, 429, 429]


ONLY_CACHED = {"Cache-Control": "only-if-cached"}


async def test_what_was_only_looked_for_in_the_cache_takes_no_items(state):
    headers = await made(state, items_per_day=2, items_per_s=100)
    async with running(state) as client:
        assert [(await predict(client, headers | ONLY_CACHED)).status_code for _ in range(5)] == [504] * 5
        for _ in range(2):
            lines = await client.post("/v1/models/topics:predictStream", content=b'"corn"\n' * 2, headers=headers | ONLY_CACHED)
            assert [json.loads(line)["status"] for line in lines.text.splitlines()] == [504] * 2
        answers = [await predict(client, headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["x-ratelimit-remaining"] == "1"


async def test_what_ran_out_of_time_before_it_was_computed_takes_no_items(state):
    headers = await made(state, items_per_day=1)
    async with running(state) as client:
        assert (await predict(client, headers | {"X-Request-Timeout-Ms": "0.001"})).status_code == 504
        assert (await predict(client, headers)).status_code == 200


async def test_gateways_on_one_state_count_a_quota_together(state):
    async with running(state) as one, running(state) as other:
        headers = await made(state, requests_per_day=3)
        statuses = [(await predict(client, headers)).status_code for client in (one, other, one, other)]
    assert statuses == [200, 200, 200, 429]


async def test_without_state_no_new_key_is_accepted(state):
    async with running(state) as client:
        headers = await made(state)
        state.unavailable = True
        answer = await predict(client, headers)
        ready = (await client.get("/readyz")).json()
    assert (answer.status_code, answer.json()) == (503, {"error": "the gateway's state cannot be read now; try again later"})
    assert ready["checks"]["state"] == "does not answer"
