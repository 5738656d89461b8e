"""The whole application on a fake state: keys, and rate limits that two gateways count together."""

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


async def made(state, **limits):
    """The headers of a new key that has all scopes."""
    new = make("acme", frozenset(SCOPES), time(), limits=RateLimits(**limits))
    await KeyStore(state, RateLimits(), RateLimits()).create(new)
    return {"Authorization": f"Bearer {new.text}"}


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
