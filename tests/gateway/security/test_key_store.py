"""Keys in state, some of whose records are not ours."""

import orjson
import pytest

from gateway.fakes.state import FakeState
from gateway.request.rate_limits import RateLimits
from gateway.security.api_keys import make
from gateway.security.key_store import KEYS, TENANTS, KeyStore

PREDICT = frozenset({"predict"})
NOW = 100.0


@pytest.fixture
def state():
    return FakeState()


@pytest.fixture
def store(state):
    return KeyStore(state, RateLimits(), RateLimits(items_per_day=7))


@pytest.mark.parametrize(
    "record",
    [b"not json", b"[]", b"{}", b'"text"', orjson.dumps({**orjson.loads(make("acme", PREDICT, NOW).key.pack()), "of_tomorrow": 1})],
    ids=["not JSON", "a list", "empty", "a string", "of a later gateway"],
)
async def test_a_record_that_cannot_be_read_opens_no_door_and_closes_no_other(state, store, record):
    good, bad = make("acme", PREDICT, NOW), make("acme", PREDICT, NOW)
    await store.create(good)
    await state.hash_replace(KEYS, {bad.digest: (None, record)})
    found = await store.find([bad.digest, good.digest], NOW)
    assert [principal and principal.id for principal in found] == [None, good.key.id]
    assert await store.list_keys() == [good.key]
    assert (await store.revoke(good.key.id, NOW)).revoked_at == NOW


async def test_limits_that_cannot_be_read_are_those_of_the_settings(state, store):
    await state.hash_replace(TENANTS, {"acme": (None, b'{"items_per_hour": 1}')})
    await store.limit_tenant("bee", RateLimits(items_per_day=9))
    assert await store.tenant_limits(["acme", "bee"]) == {"acme": RateLimits(items_per_day=7), "bee": RateLimits(items_per_day=9)}
