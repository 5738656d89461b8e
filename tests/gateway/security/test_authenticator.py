"""Who is let in, for how long, and what it costs, in virtual time."""

from collections import Counter

import pytest

from gateway.errors import StateUnavailable, Unauthenticated
from gateway.fakes.state import FakeState
from gateway.request.principal import Principal
from gateway.request.rate_limits import RateLimits
from gateway.security.api_keys import digest, make
from gateway.security.authenticator import Authenticator, Sources
from gateway.security.key_store import KEYS, KeyStore

PREDICT = frozenset({"predict"})
REFRESH_S, OUTAGE_S = 2.0, 300.0


class Store(KeyStore):
    """Keys and limits in a fake state; counts look-ups."""

    def __init__(self):
        self.state = FakeState()
        super().__init__(self.state, RateLimits(), RateLimits())
        self.asked = Counter()

    async def add(self, **options):
        new = make("acme", PREDICT, 0.0, **options)
        await self.create(new)
        return new

    async def replace(self, digest, key):
        """Another key under this digest."""
        [[before]] = (await self.state.hash_get({KEYS: [digest]})).values()
        assert await self.state.hash_replace(KEYS, {digest: (before, key.pack())})

    async def find(self, digests, now):
        found = await super().find(digests, now)
        self.asked.update(digests)
        return found


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def authenticator(store, clock):
    fixed = {digest("s3cret"): Principal("fixed", "ops", PREDICT)}
    return Authenticator(Sources(fixed, store, tenants=store), refresh_s=REFRESH_S, outage_s=OUTAGE_S, clock=clock)


async def is_known(authenticator, key):
    try:
        await authenticator.principal(f"Bearer {key}")
    except Unauthenticated:
        return False
    return True


async def test_a_known_key_is_looked_up_once(authenticator, store):
    new = await store.add()
    assert {(await authenticator.principal(f"Bearer {new.text}")).tenant for _ in range(100)} == {"acme"}
    assert store.asked[new.digest] == 1


async def test_a_key_of_the_settings_is_known_without_any_state(authenticator, store):
    store.state.unavailable = True
    assert (await authenticator.principal("bearer s3cret")).tenant == "ops"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic s3cret", "s3cret", "Bearer wrong", "Bearer " + "x" * 10_000])
async def test_without_a_key_that_is_known_nobody_comes_in(authenticator, store, header):
    with pytest.raises(Unauthenticated) as caught:
        await authenticator.principal(header)
    assert "wrong" not in caught.value.message
    assert not store.asked


async def test_a_new_key_is_known_at_once_though_it_was_refused_before(authenticator, store):
    new = make("acme", PREDICT, 0.0)
    assert not await is_known(authenticator, new.text)
    await store.create(new)
    assert await is_known(authenticator, new.text)


async def test_a_revoked_key_is_out_after_the_next_refresh(authenticator, store):
    new = await store.add()
    assert await is_known(authenticator, new.text)
    await store.revoke(new.key.id, 1001.0)
    await authenticator.refresh()
    assert not await is_known(authenticator, new.text)


async def test_an_expiring_key_ends_on_time_without_any_refresh(authenticator, store, clock):
    new = await store.add(expires_at=1010.0)
    assert await is_known(authenticator, new.text)
    clock.now = 1009.9
    assert await is_known(authenticator, new.text)
    clock.now = 1010.0
    assert not await is_known(authenticator, new.text)


async def test_while_state_is_gone_known_keys_go_on_for_a_while_and_unknown_ones_must_wait(authenticator, store, clock):
    new, other = await store.add(), await store.add()
    assert await is_known(authenticator, new.text)
    store.state.unavailable = True
    clock.now += OUTAGE_S - 1
    await authenticator.refresh()
    assert await is_known(authenticator, new.text)
    with pytest.raises(StateUnavailable):
        await is_known(authenticator, other.text)
    clock.now += 1
    with pytest.raises(StateUnavailable):
        await is_known(authenticator, new.text)


async def test_with_state_a_key_in_use_never_lapses(authenticator, store, clock):
    new = await store.add()
    for _ in range(10):
        assert await is_known(authenticator, new.text)
        clock.now += OUTAGE_S - 1
        await authenticator.refresh()
    assert store.asked[new.digest] == 11


async def test_who_has_not_come_for_long_is_not_looked_up_any_more(authenticator, store, clock):
    new = await store.add()
    assert await is_known(authenticator, new.text)
    clock.now += 1000
    await authenticator.refresh()
    assert store.asked[new.digest] == 1


async def test_unchanged_keys_stay_the_same_object_and_changed_ones_do_not(authenticator, store):
    new = await store.add()
    before = await authenticator.principal(f"Bearer {new.text}")
    await authenticator.refresh()
    assert await authenticator.principal(f"Bearer {new.text}") is before
    await store.replace(new.digest, make("acme", frozenset({"admin"}), 0.0).key)
    await authenticator.refresh()
    assert (await authenticator.principal(f"Bearer {new.text}")).scopes == {"admin"}


async def test_a_tenants_own_limits_hold_for_its_keys_in_the_settings_too_and_change_with_the_next_refresh(authenticator, store):
    await store.limit_tenant("ops", RateLimits(items_per_day=5))
    before = await authenticator.principal("Bearer s3cret")
    assert before.tenant_limits == RateLimits(items_per_day=5)
    await authenticator.refresh()
    assert await authenticator.principal("Bearer s3cret") is before
    await store.limit_tenant("ops", RateLimits(items_per_day=6))
    await authenticator.refresh()
    assert (await authenticator.principal("Bearer s3cret")).tenant_limits == RateLimits(items_per_day=6)


async def test_limits_that_state_could_not_tell_count_from_the_next_refresh_on(authenticator, store):
    await store.limit_tenant("ops", RateLimits(items_per_day=5))
    store.state.unavailable = True
    assert (await authenticator.principal("Bearer s3cret")).tenant_limits == RateLimits()
    store.state.unavailable = False
    await authenticator.refresh()
    assert (await authenticator.principal("Bearer s3cret")).tenant_limits == RateLimits(items_per_day=5)


async def test_one_key_written_in_many_ways_fills_no_memory(authenticator, store):
    new = await store.add()
    for spaces in range(2, 20):
        assert await is_known(authenticator, " " * spaces + new.text)
    assert repr(authenticator) == "<Authenticator 0 remembered>"


class Tokens:
    """Verifies each text that has two dots, until the keys of its issuer are others."""

    def __init__(self):
        self.verified, self.withdrawn = 0, False

    def principal(self, text):
        if self.withdrawn:
            raise Unauthenticated("this token is signed with a key that is not known (yet)")
        self.verified += 1
        return Principal(f"jwt:acme:{text}", "acme", PREDICT)


@pytest.fixture
def tokens():
    return Tokens()


@pytest.fixture
def with_tokens(store, clock, tokens):
    fixed = {digest("s3cret"): Principal("fixed", "ops", PREDICT)}
    return Authenticator(Sources(fixed, store, tokens, store), refresh_s=REFRESH_S, outage_s=OUTAGE_S, clock=clock)


async def test_only_tokens_are_forgotten_when_the_keys_that_sign_them_change(with_tokens, store, tokens):
    new = await store.add()
    for text in (new.text, "s3cret", "a.b.c"):
        assert await is_known(with_tokens, text)
    tokens.withdrawn = True
    with_tokens.forget_tokens()
    assert repr(with_tokens) == "<Authenticator 2 remembered>"
    assert [await is_known(with_tokens, text) for text in (new.text, "s3cret", "a.b.c")] == [True, True, False]
    assert store.asked[new.digest] == 1


async def test_a_token_is_not_remembered_whose_key_was_withdrawn_while_its_tenants_limits_were_looked_up(with_tokens, store, tokens):
    async def withdraw(tenants):
        tokens.withdrawn = True
        with_tokens.forget_tokens()
        return {tenant: RateLimits() for tenant in tenants}

    store.tenant_limits = withdraw
    assert not await is_known(with_tokens, "a.b.c")
    assert (tokens.verified, repr(with_tokens)) == (1, "<Authenticator 0 remembered>")


async def test_a_token_whose_tenant_is_known_is_verified_once(with_tokens, tokens):
    assert await is_known(with_tokens, "a.b.c")
    verified = tokens.verified
    assert await is_known(with_tokens, "d.e.f")
    assert tokens.verified == verified + 1
