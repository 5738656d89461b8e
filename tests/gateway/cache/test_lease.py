"""Leases in a real Valkey; each `Leases` stands for a gateway."""

import asyncio
import uuid

import pytest

from gateway.cache.entry import Entry
from gateway.cache.lease import Acquired, Leases
from gateway.cache.redis_tier import RedisTier, Store

pytestmark = pytest.mark.integration
LIFE_S = 30.0


@pytest.fixture
def key():
    return b"headrace:" + uuid.uuid4().bytes


@pytest.fixture
async def tiers(valkey):
    made = [RedisTier(valkey.url, timeout_s=5, leases=True) for _ in range(2)]
    yield made
    for tier in made:
        await tier.aclose()


def read(value):
    return Entry(0, 0, value) if value != b"stale" else None


class Clock:
    """A clock that advances only by `sleep`; `sleeping` is set by the first sleep."""

    def __init__(self):
        self.now_s = 0.0
        self.sleeping = asyncio.Event()

    def __call__(self):
        return self.now_s

    async def sleep(self, seconds):
        self.now_s += seconds
        self.sleeping.set()
        await asyncio.sleep(0)


async def stored(tier, key, value, token=None, stale_for_s=0.0):
    """Store a value, wait until it is stored, and return the value that the key then has."""
    tier.store(Store(key, value, LIFE_S, token, stale_for_s))
    await tier._sets.aclose()
    return (await tier.get([key]))[0]


async def released(tier, key, token):
    """Release a lease, and wait until it is released."""
    tier.release(key, token)
    await tier._sets.aclose()


async def test_one_round_trip_acquires_the_lease_where_nobody_computes(tiers, key):
    clock = Clock()
    grant = await Leases(tiers[0], clock=clock, sleep=clock.sleep).acquire(key, LIFE_S, 1, read)
    assert (grant.entry, len(grant.token), clock.now_s) == (None, 16, 0)


async def test_waiters_get_the_value_of_the_lease_holder(tiers, key):
    clock = Clock()
    won = await Leases(tiers[0]).acquire(key, LIFE_S, 1, read)
    waiting = asyncio.create_task(Leases(tiers[1], clock=clock, sleep=clock.sleep).acquire(key, LIFE_S, 1e9, read))
    await clock.sleeping.wait()
    await stored(tiers[0], key, b"row", won.token)
    assert await waiting == Acquired(entry=Entry(0, 0, b"row"))


async def test_an_expired_lease_goes_to_a_waiter(tiers, key):
    await Leases(tiers[0]).acquire(key, 0.05, 1, read)
    grant = await Leases(tiers[1]).acquire(key, LIFE_S, 60, read)
    assert grant.token is not None


async def test_a_lease_released_without_a_value_goes_to_a_waiter(tiers, key):
    clock = Clock()
    won = await Leases(tiers[0]).acquire(key, LIFE_S, 1, read)
    waiting = asyncio.create_task(Leases(tiers[1], clock=clock, sleep=clock.sleep).acquire(key, LIFE_S, 1e9, read))
    await clock.sleeping.wait()
    tiers[0].release(key, won.token)
    assert (await waiting).token is not None


async def test_the_wait_is_bounded_and_a_late_holder_does_not_overwrite_a_newer_value(tiers, key):
    clock = Clock()
    late = await Leases(tiers[0]).acquire(key, LIFE_S, 1, read)
    newer = await Leases(tiers[1], clock=clock, sleep=clock.sleep).acquire(key, LIFE_S, 0.5, read)
    assert clock.now_s == pytest.approx(0.5)
    assert await stored(tiers[0], key, b"late", late.token) is None
    assert await stored(tiers[1], key, b"newer", newer.token) == b"newer"
    assert await stored(tiers[0], key, b"late", late.token) == b"newer"


async def test_a_holder_whose_lease_expired_stores_if_nobody_else_has_stored(tiers, key):
    won = await Leases(tiers[0]).acquire(key, LIFE_S, 1, read)
    await released(tiers[1], key, won.token)  # as its expiry would
    assert await stored(tiers[0], key, b"row", won.token) == b"row"


async def test_a_holder_whose_lease_expired_replaces_a_stale_value(tiers, key):
    await stored(tiers[0], key, b"stale", stale_for_s=LIFE_S + 1)
    won = await Leases(tiers[0]).acquire(key, LIFE_S, 1, read)
    await released(tiers[1], key, won.token)  # as its expiry would
    assert await stored(tiers[0], key, b"row", won.token, stale_for_s=LIFE_S + 1) == b"row"


async def test_a_lease_is_released_if_its_caller_left_while_it_was_being_acquired(tiers, key):
    asking = asyncio.create_task(Leases(tiers[0]).acquire(key, LIFE_S, 1, read))
    for _ in range(3):
        await asyncio.sleep(0)
    assert tiers[0]._asks._calls, "it is being asked for"
    asking.cancel()
    await asyncio.wait([asking])
    async with asyncio.timeout(LIFE_S / 2):
        assert (await Leases(tiers[1]).acquire(key, LIFE_S, 2 * LIFE_S, read)).token is not None


async def test_a_value_stored_without_a_lease_ends_the_lease_of_an_older_computation(tiers, key):
    won = await Leases(tiers[0]).acquire(key, LIFE_S, 1, read)
    assert await stored(tiers[1], key, b"newer") == b"newer"
    assert await stored(tiers[0], key, b"older", won.token) == b"newer"


async def test_an_unusable_value_is_ignored_and_the_next_value_is_used(tiers, key):
    clock = Clock()
    await stored(tiers[0], key, b"stale")
    won = await Leases(tiers[0]).acquire(key, LIFE_S, 1, read)
    waiting = asyncio.create_task(Leases(tiers[1], clock=clock, sleep=clock.sleep).acquire(key, LIFE_S, 1e9, read))
    await clock.sleeping.wait()
    await stored(tiers[0], key, b"row", won.token)
    assert (await waiting).entry.row == b"row"


async def test_one_gateway_refreshes_a_stale_value_and_none_refreshes_a_fresh_one(tiers, key):
    await stored(tiers[0], key, b"stale")
    one, other = Leases(tiers[0]), Leases(tiers[1])
    grant = await one.try_acquire(key, LIFE_S, read)
    assert grant.token is not None
    assert await other.try_acquire(key, LIFE_S, read) is None
    assert await stored(tiers[0], key, b"fresh", grant.token) == b"fresh"
    assert await other.try_acquire(key, LIFE_S, read) is None


async def test_among_many_waiters_one_takes_the_lease_over_and_none_waits_longer(tiers, key):
    await Leases(tiers[0]).acquire(key, LIFE_S, 1, read)
    clocks = [Clock() for _ in range(20)]
    gateways = [Leases(tiers[i % 2], clock=clock, sleep=clock.sleep) for i, clock in enumerate(clocks)]
    grants = await asyncio.gather(*(gateway.acquire(key, LIFE_S, 0.5, read) for gateway in gateways))
    assert all(grant.entry is None and grant.token for grant in grants)
    assert all(clock.now_s == pytest.approx(0.5) for clock in clocks)


async def test_each_gateway_computes_its_own_row_where_the_cache_does_not_answer(key):
    tier = RedisTier("unix:///nowhere.sock", timeout_s=1, leases=True)
    assert await Leases(tier).acquire(key, LIFE_S, 60, read) == Acquired()
    assert await Leases(tier).try_acquire(key, LIFE_S, read) == Acquired()
    await tier.aclose()


async def test_a_generation_only_grows_also_when_two_gateways_raise_it_at_once(tiers):
    scope = uuid.uuid4().hex
    numbers = await asyncio.gather(*(tiers[i % 2].raise_generation(scope, 1_700_000_000_000) for i in range(10)))
    assert sorted(numbers) == list(range(1_700_000_000_001, 1_700_000_000_011))
    assert (await tiers[0].generations())[scope] == 1_700_000_000_010


async def test_a_generation_that_several_gateways_write_back_keeps_its_number(tiers):
    scope = uuid.uuid4().hex
    await asyncio.gather(*(tier.keep_generation(scope, 7) for tier in tiers))
    assert (await tiers[0].generations())[scope] == 7
    await tiers[1].keep_generation(scope, 5)
    assert (await tiers[0].generations())[scope] == 7
