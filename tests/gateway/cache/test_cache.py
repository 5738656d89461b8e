"""Both tiers together, with a real Valkey that can be frozen."""

import asyncio

import psutil
import pytest

from gateway.cache.cache import Cache
from gateway.cache.generations import ALL
from gateway.cache.policy import CachePolicy, Policies
from gateway.cache.redis_tier import REST_AFTER_FAULT_S, RedisTier
from gateway.request.cache_control import NONE
from gateway.request.prediction import Item

pytestmark = pytest.mark.integration
ITEMS, ROW = [Item(b"a text")], b"\0" * 8


@pytest.fixture
async def make(valkey):
    """Makes caches as of gateways that have just started."""
    made = []

    def make():
        made.append(Cache(Policies(CachePolicy(lease_s=5)), redis=RedisTier(valkey.url, timeout_s=0.5, leases=True)))
        return made[-1]

    yield make
    for cache in made:
        await cache.aclose()


async def found(cache, manifest):
    """How many of the items the cache holds."""
    return len((await cache.look_up(cache.keys(manifest, "", ITEMS), manifest, 1, NONE)).entries)


async def store(cache, manifest):
    """Store, and wait until the server has it."""
    [key] = cache.keys(manifest, "", ITEMS)
    cache.store(key, ROW, manifest)
    await cache._redis._sets.aclose()


async def test_a_deleted_entry_does_not_answer_at_a_gateway_that_has_not_read_the_deletion_yet(make, manifest):
    one, started = make(), make()
    await one.deletions.read()
    await store(one, manifest())
    await one.deletions.delete(ALL)
    assert await found(started, manifest()) == 0
    assert not started.uses_leases(manifest())
    await started.deletions.read()
    assert (await found(started, manifest()), started.uses_leases(manifest())) == (0, True)
    await store(one, manifest())
    assert await found(started, manifest()) == 1


async def test_an_entry_deleted_while_a_gateway_was_cut_off_does_not_answer_afterwards(make, manifest, valkey):
    one, cut_off = make(), make()
    for cache in (one, cut_off):
        await cache.deletions.read()
    await store(one, manifest())
    assert await found(cut_off, manifest()) == 1
    process = psutil.Process(valkey.pid)
    process.suspend()
    assert await found(cut_off, manifest()) == 0
    process.resume()
    await one.deletions.delete(ALL)
    async with asyncio.timeout(10 * REST_AFTER_FAULT_S):
        while cut_off.state != "ok":  # noqa: ASYNC110 - no event says that it may be asked again
            await asyncio.sleep(0.01)
    assert await found(cut_off, manifest()) == 0
    await cut_off.deletions.read()
    await store(one, manifest())
    assert await found(cut_off, manifest()) == 1
