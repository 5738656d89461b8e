"""Token buckets in virtual time; the script in Redis against the pure rule."""

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.embedded.valkey import Valkey
from gateway.errors import InvalidRequest, RateLimited
from gateway.fakes.state import FakeState
from gateway.request.principal import Principal
from gateway.request.rate_limits import RateLimits
from gateway.security.rate_limiting.ledger import LocalLedger, RedisLedger
from gateway.security.rate_limiting.rate_limiter import RateLimiter
from gateway.security.rate_limiting.token_bucket import Bucket, Draw, draw
from gateway.state.redis_state import RedisState
from gateway.state.script import Script

DAY_S = 86_400
FLUSH = Script("redis.call('FLUSHALL') return {}", lambda hashes, *_: hashes.clear() or [])


class Clock:
    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


class CountingLedger(RedisLedger):
    """A ledger in state that several limiters share, and that can be gone."""

    def __init__(self, clock):
        self.state = FakeState(clock)
        super().__init__(self.state)
        self.draws = 0

    async def draw(self, draws):
        grants = await super().draw(draws)
        self.draws += 1
        return grants


def principal(tenant_limits=None, id_="k1", **limits):
    return Principal(id_, "acme", frozenset({"predict"}), key_limits=RateLimits(**limits), tenant_limits=tenant_limits or RateLimits())


async def passed(limiter, who, times, items=None):
    """How many of `times` requests are let in."""
    count = 0
    for _ in range(times):
        try:
            await (limiter.take_request(who) if items is None else limiter.take_items(who, items))
            count += 1
        except RateLimited:
            pass
    return count


def a_draw(**changes):
    return Draw(**{"key": "k", "rate": 10.0, "burst": 20.0, "returned": 0.0, "need": 0.0, "extra": 0.0, "left": 20.0, **changes})


def test_a_bucket_fills_with_time_up_to_its_burst():
    [bucket], [grant] = draw([Bucket(0.0, 0.0)], [a_draw(need=5)], now=1.0)
    assert (grant.tokens, grant.left, bucket) == (5, 5, Bucket(5, 1.0))
    [bucket], _ = draw([bucket], [a_draw()], now=100.0)
    assert bucket.tokens == 20


def test_all_buckets_give_or_none_does_and_the_missing_one_says_how_long():
    _, grants = draw([Bucket(20, 0.0), Bucket(1, 0.0)], [a_draw(need=3, extra=2), a_draw(need=3)], now=0.0)
    assert [(grant.tokens, round(grant.wait_s, 6)) for grant in grants] == [(0, 0), (0, 0.2)]


def test_a_quota_never_fills():
    _, [grant] = draw([Bucket(1, 0.0)], [a_draw(rate=0.0, need=2)], now=1e6)
    assert grant.wait_s == math.inf


tokens = st.integers(0, 30)
wants = st.lists(
    st.builds(a_draw, rate=st.sampled_from([0.0, 0.001]), burst=st.just(20.0), returned=tokens, need=tokens, extra=tokens),
    min_size=1,
    max_size=3,
)


@pytest.fixture(scope="module")
def valkey():
    with Valkey() as server:
        yield server


@pytest.mark.integration
@given(rounds=st.lists(wants, min_size=1, max_size=6))
def test_the_script_in_redis_is_the_pure_rule(valkey, rounds):
    async def both():
        state, local = RedisState(valkey.url, timeout_s=5.0), LocalLedger(clock := Clock())
        fake = FakeState(clock)
        await state.run(FLUSH, [], [])
        try:
            for i, drawn in enumerate(rounds):
                named = [want._replace(key=f"{{t}}:{i % 2}:{j}:{want.rate}") for j, want in enumerate(drawn)]
                there, here = await RedisLedger(state).draw(named), await local.draw(named)
                assert [tuple(grant) for grant in await RedisLedger(fake).draw(named)] == [pytest.approx(grant, abs=1e-5) for grant in here]
                for remote, expected in zip(there, here, strict=True):
                    # Redis has a clock of its own; the rates are so small that it hardly matters
                    assert remote[:2] == pytest.approx(expected[:2], abs=0.01)
                    assert math.isinf(remote.wait_s) == math.isinf(expected.wait_s)
        finally:
            await state.aclose()

    asyncio.run(both())


async def test_a_rate_lets_the_burst_in_and_then_what_the_rate_gives():
    clock = Clock()
    limiter = RateLimiter(CountingLedger(clock), clock)
    who = principal(requests_per_s=10, requests_burst=20)
    assert await passed(limiter, who, 50) == 20
    clock.now += 1.0
    assert await passed(limiter, who, 50) == 10
    clock.now += 100.0
    assert await passed(limiter, who, 50) == 20


async def test_most_requests_ask_nobody():
    clock = Clock()
    ledger = CountingLedger(clock)
    limiter = RateLimiter(ledger, clock)
    who = principal(requests_per_s=1000, items_per_s=100_000, items_per_day=1_000_000, tenant_limits=RateLimits(requests_per_s=5000))
    for _ in range(1000):
        await limiter.take_request(who)
        await limiter.take_items(who, 4)
    assert ledger.draws <= 16


async def test_refusals_ask_nobody_until_there_can_be_more():
    clock = Clock()
    ledger = CountingLedger(clock)
    limiter = RateLimiter(ledger, clock)
    who = principal(requests_per_s=1, requests_burst=1)
    assert await passed(limiter, who, 100) == 1
    assert ledger.draws <= 2
    with pytest.raises(RateLimited, match="1 requests/s") as caught:
        await limiter.take_request(who)
    assert caught.value.retry_after_s == 1


async def test_two_processes_together_spend_no_more_than_the_limit():
    clock = Clock()
    ledger = CountingLedger(clock)
    limiters = [RateLimiter(ledger, clock) for _ in range(2)]
    who = principal(items_per_s=50, items_burst=100)
    counts = await asyncio.gather(*(passed(limiter, who, 200, items=1) for limiter in limiters * 4))
    # each may hold a lease of a tenth of the rate
    assert 100 - 2 * 5 <= sum(counts) <= 100


async def test_concurrent_requests_never_spend_a_lease_twice():
    clock = Clock()
    limiter = RateLimiter(CountingLedger(clock), clock)
    pair = [principal(id_=f"k{i}", requests_per_s=100, tenant_limits=RateLimits(requests_per_s=40)) for i in range(2)]
    counts = await asyncio.gather(*(passed(limiter, pair[i % 2], 30) for i in range(6)))
    assert sum(counts) == 40


async def test_all_who_wait_for_one_renewal_go_on_together():
    limiter, who = RateLimiter(CountingLedger(clock := Clock()), clock), principal(requests_per_s=1000.0)
    waiting = asyncio.gather(*(limiter.take_request(who) for _ in range(50)))
    for _ in range(8):  # turns of the loop; one for each of them would be fifty
        await asyncio.sleep(0)
    assert waiting.done()


async def test_what_a_process_leased_and_did_not_spend_goes_back():
    clock = Clock()
    ledger = CountingLedger(clock)
    one, other = RateLimiter(ledger, clock), RateLimiter(ledger, clock)
    who = principal(items_per_day=10_000)
    await one.take_items(who, 1)
    clock.now += 2.0
    await one.settle()
    assert await passed(other, who, 10_000, items=1) == 9_999


async def test_a_quota_begins_anew_with_the_day():
    clock = Clock(10 * DAY_S - 1.0)
    limiter = RateLimiter(CountingLedger(clock), clock)
    who = principal(items_per_day=3)
    assert await passed(limiter, who, 5, items=1) == 3
    with pytest.raises(RateLimited, match="3 items a day") as caught:
        await limiter.take_items(who, 1)
    assert caught.value.retry_after_s == 1
    clock.now += 1.0
    assert await passed(limiter, who, 5, items=1) == 3


async def test_without_redis_the_limit_holds_here_and_what_was_spent_of_a_quota_is_told_later():
    clock = Clock()
    ledger = CountingLedger(clock)
    limiter, other = RateLimiter(ledger, clock), RateLimiter(ledger, clock)
    who = principal(requests_per_s=5, items_per_day=1000)
    await limiter.take_request(who)
    await limiter.take_items(who, 100)
    ledger.state.unavailable = True
    clock.now += 2.0
    assert await passed(limiter, who, 20) <= 6
    assert await passed(limiter, who, 10, items=50) == 10
    ledger.state.unavailable = False
    clock.now += 2.0
    await limiter.take_items(who, 1)
    clock.now += 2.0
    await limiter.settle()
    assert await passed(other, who, 1000, items=1) == 1000 - 100 - 10 * 50 - 1


async def test_without_any_redis_each_process_counts_for_itself():
    clock = Clock()
    limiter = RateLimiter(None, clock)
    assert await passed(limiter, principal(requests_per_s=5), 50) == 5


async def test_more_items_than_may_ever_be_sent_at_once_are_no_matter_of_waiting():
    limiter = RateLimiter(None, Clock())
    with pytest.raises(InvalidRequest, match="26 items at once are more than the 25 allowed"):
        await limiter.take_items(principal(items_per_s=25), 26)


async def test_headers_tell_of_the_limit_that_is_nearest_to_its_end():
    clock = Clock()
    limiter = RateLimiter(CountingLedger(clock), clock)
    who = principal(requests_per_s=100, items_per_day=50)
    await limiter.take_request(who)
    await limiter.take_items(who, 40)
    headers = dict(limiter.headers(who))
    assert (headers[b"x-ratelimit-limit"], headers[b"x-ratelimit-remaining"]) == (b"50", b"10")
    assert int(headers[b"x-ratelimit-reset"]) == DAY_S - 1000
    assert list(limiter.headers(principal(id_="k2"))) == []


async def test_headers_of_a_quota_that_nothing_was_drawn_from_today_tell_of_today():
    clock = Clock(10 * DAY_S + 1000.0)
    limiter = RateLimiter(CountingLedger(clock), clock)
    who = principal(items_per_day=50)
    untouched = [(b"x-ratelimit-limit", b"50"), (b"x-ratelimit-remaining", b"50"), (b"x-ratelimit-reset", b"%d" % (DAY_S - 1000))]
    await limiter.take_request(who)
    assert list(limiter.headers(who)) == untouched
    await limiter.take_items(who, 40)
    clock.now += DAY_S
    await limiter.take_request(who)
    assert list(limiter.headers(who)) == untouched


async def test_changed_limits_count_from_then_on():
    clock = Clock()
    limiter = RateLimiter(CountingLedger(clock), clock)
    assert await passed(limiter, principal(requests_per_s=5), 10) == 5
    assert await passed(limiter, principal(requests_per_s=8), 10) <= 8
    assert await passed(limiter, principal(), 100) == 100


async def test_what_is_given_back_while_leases_are_renewed_is_kept():
    clock = Clock()
    ledger = CountingLedger(clock)
    limiter, who = RateLimiter(ledger, clock), principal(items_per_day=10)
    await limiter.take_items(who, 10)
    renewal = asyncio.create_task(limiter.take_items(who, 1))
    await asyncio.sleep(0)  # the renewal has begun
    limiter.give_back_items(who, 4)
    await renewal
    assert await passed(limiter, who, 4, items=1) == 3


async def test_what_is_given_back_to_a_quota_that_was_at_its_end_can_be_spent():
    clock = Clock()
    limiter, who = RateLimiter(CountingLedger(clock), clock), principal(items_per_day=10)
    await limiter.take_items(who, 10)
    assert await passed(limiter, who, 1, items=10) == 0
    limiter.give_back_items(who, 10)
    clock.now += 2.0
    await limiter.settle()
    assert await passed(limiter, who, 1, items=10) == 1


async def test_what_is_given_back_after_the_limits_have_changed_leaves_the_new_ones_in_force():
    clock = Clock()
    limiter, before, after = RateLimiter(CountingLedger(clock), clock), principal(items_per_day=10), principal(items_per_day=20)
    await limiter.take_items(before, 5)
    await limiter.take_items(after, 1)
    limiter.give_back_items(before, 5)
    assert dict(limiter.headers(after))[b"x-ratelimit-limit"] == b"20"


async def test_what_is_given_back_late_does_not_fill_a_bucket_twice():
    clock = Clock()
    limiter, who = RateLimiter(CountingLedger(clock), clock), principal(items_per_s=10)
    await limiter.take_items(who, 10)
    clock.now += 60.0  # it is full again
    limiter.give_back_items(who, 10)
    assert await passed(limiter, who, 30, items=1) == 10


async def test_what_was_spent_yesterday_is_not_given_back_to_the_quota_of_today():
    clock = Clock()
    limiter, who = RateLimiter(CountingLedger(clock), clock), principal(items_per_day=10)
    await limiter.take_items(who, 10)
    clock.now += 86_400.0
    assert await passed(limiter, who, 4, items=1) == 4
    limiter.give_back_items(who, 10)
    assert await passed(limiter, who, 20, items=1) <= 10


class SlowLedger(CountingLedger):
    """A ledger whose answer is on its way until it is told to come."""

    def __init__(self, clock):
        super().__init__(clock)
        self.counted, self.arrives = asyncio.Event(), asyncio.Event()

    async def draw(self, draws):
        grants = await super().draw(draws)
        self.counted.set()
        await self.arrives.wait()
        return grants


async def test_what_was_drawn_for_who_leaves_while_leases_are_renewed_can_be_spent():
    ledger = SlowLedger(clock := Clock())
    limiter, who = RateLimiter(ledger, clock), principal(items_per_day=10)
    leaving = asyncio.create_task(limiter.take_items(who, 4))
    await ledger.counted.wait()
    leaving.cancel()
    await asyncio.wait([leaving])
    ledger.arrives.set()
    assert await passed(limiter, who, 11, items=1) == 10
