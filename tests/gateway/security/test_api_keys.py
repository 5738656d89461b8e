import math

import pytest

from gateway.request.rate_limits import RateLimits, parse_rate_limits
from gateway.security.api_keys import ApiKey, digest, looks_like_key, make

PREDICT = frozenset({"predict"})


def test_a_key_is_random_and_only_its_digest_is_kept():
    first, second = make("acme", PREDICT, 100.0), make("acme", PREDICT, 100.0)
    assert first.text != second.text
    assert looks_like_key(first.text)
    assert first.digest == digest(first.text)
    assert first.text.encode() not in first.key.pack()
    assert first.text not in repr(first.key.shown(100.0))


@pytest.mark.parametrize("text", ["", "hr_", "hr_" + "a" * 42, "hr_" + "a" * 44, "hr_" + "a" * 42 + " ", "xx_" + "a" * 43])
def test_what_has_not_the_form_of_a_key_is_not_looked_up(text):
    assert not looks_like_key(text)


def test_a_key_is_stored_and_read_without_loss():
    key = make("acme", PREDICT, 100.0, expires_at=200.0, limits=RateLimits(items_per_day=7), note="ü").key.replaced("other", 110.0, 5.0)
    assert ApiKey.unpack(key.pack()) == key


@pytest.mark.parametrize(
    ("key", "now", "state"),
    [
        (make("a", PREDICT, 0.0).key, 1e12, "valid"),
        (make("a", PREDICT, 0.0, expires_at=10.0).key, 9.9, "valid"),
        (make("a", PREDICT, 0.0, expires_at=10.0).key, 10.0, "expired"),
        (make("a", PREDICT, 0.0).key.replaced("b", 5.0, 10.0), 14.9, "valid"),
        (make("a", PREDICT, 0.0).key.replaced("b", 5.0, 10.0), 15.0, "expired"),
        (make("a", PREDICT, 0.0, expires_at=6.0).key.replaced("b", 5.0, 10.0), 6.0, "expired"),
        (make("a", PREDICT, 0.0, expires_at=10.0).key.revoked(1.0), 2.0, "revoked"),
    ],
)
def test_a_key_ends_when_it_expires_is_replaced_or_revoked(key, now, state):
    assert (key.state(now), key.is_valid(now)) == (state, state == "valid")


def test_a_key_revoked_twice_keeps_its_first_time():
    assert make("a", PREDICT, 0.0).key.revoked(1.0).revoked(2.0).revoked_at == 1.0


@pytest.mark.parametrize("tenant", ["", "a b", "a" * 101, "a:b", "a\n"])
def test_a_tenant_has_a_plain_name(tenant):
    with pytest.raises(ValueError, match="tenant"):
        make(tenant, PREDICT, 0.0)


@pytest.mark.parametrize("scopes", [frozenset(), frozenset({"root"})])
def test_scopes_are_those_that_there_are(scopes):
    with pytest.raises(ValueError, match="scope"):
        make("a", scopes, 0.0)


def test_limits_of_a_key_take_the_place_of_the_defaults_unit_by_unit():
    defaults = RateLimits(requests_per_s=10, requests_burst=50, items_per_day=1000)
    assert RateLimits().over(defaults) == defaults
    assert RateLimits(requests_per_s=2).over(defaults) == RateLimits(requests_per_s=2, items_per_day=1000)
    assert RateLimits(items_per_s=3).over(defaults) == RateLimits(requests_per_s=10, requests_burst=50, items_per_s=3, items_per_day=1000)


def test_limits_are_read_from_text():
    assert parse_rate_limits(" requests_per_s=5, items_per_day=1e6 ") == RateLimits(requests_per_s=5.0, items_per_day=1e6)
    assert parse_rate_limits("") == RateLimits()
    for text in ("requests=5", "requests_per_s", "requests_per_s=nan", "requests_per_s=-1", "requests_per_s=inf", "items_burst=5"):
        with pytest.raises(ValueError, match=r"requests|items"):
            parse_rate_limits(text)


def test_a_key_that_never_expires_stands_for_a_principal_that_never_does():
    assert make("a", PREDICT, 0.0).key.principal(RateLimits(), RateLimits()).expires_at == math.inf
