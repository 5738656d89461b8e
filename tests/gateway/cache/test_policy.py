import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.entry import Entry
from gateway.cache.policy import CachePolicy, Policies, PolicyError, Use, use_of
from gateway.cache.policy import parse as parse_policies
from gateway.request.cache_control import NONE, parse

POLICY = CachePolicy(ttl_s=100, stale_while_revalidate_s=20, stale_if_error_s=500)
ENTRY = Entry(made_at_s=1000.0, fresh_until_s=1100.0, row=b"")


@pytest.mark.parametrize(
    ("age_s", "header", "use"),
    [
        (0, "", Use.ANSWER),
        (100, "", Use.ANSWER),
        (101, "", Use.ANSWER_AND_REFRESH),
        (120, "", Use.ANSWER_AND_REFRESH),
        (121, "", Use.ON_ERROR),
        (600, "", Use.ON_ERROR),
        (601, "", Use.NOTHING),
        (50, "max-age=50", Use.ANSWER),
        (51, "max-age=50", Use.ON_ERROR),
        (110, "max-age=200", Use.ON_ERROR),
        (110, "max-age=200, max-stale=10", Use.ANSWER_AND_REFRESH),
        (111, "max-age=200, max-stale=10", Use.ON_ERROR),
        (300, "max-stale", Use.ANSWER_AND_REFRESH),
        (601, "max-stale", Use.NOTHING),
        (90, "min-fresh=10", Use.ANSWER),
        (91, "min-fresh=10", Use.ON_ERROR),
        (200, "stale-if-error=0", Use.NOTHING),
        (200, "stale-if-error=100", Use.ON_ERROR),
    ],
)
def test_use_follows_age_and_directives(age_s, header, use):
    assert use_of(ENTRY, POLICY, parse(header), 1000.0 + age_s) is use


@given(st.floats(0, 1000), st.floats(0, 1000))
def test_without_stale_bounds_only_a_fresh_entry_answers(age_s, ttl_s):
    policy = CachePolicy(ttl_s=ttl_s or 1)
    entry = Entry(0.0, policy.ttl_s, b"")
    assert (use_of(entry, policy, NONE, age_s) is Use.ANSWER) == (age_s <= policy.ttl_s)
    assert use_of(entry, policy, NONE, age_s) in ((Use.ANSWER,) if age_s <= policy.ttl_s else (Use.NOTHING,))


@given(st.floats(0, 1, exclude_max=True))
def test_lives_are_spread_around_the_ttl(draw):
    assert abs(CachePolicy(ttl_s=100, ttl_jitter=0.1).fresh_for_s(draw) - 100) <= 10 + 1e-9
    assert CachePolicy(ttl_s=100, ttl_jitter=0).fresh_for_s(draw) == 100


def test_overrides_keep_the_rest_of_the_default(tmp_path):
    path = tmp_path / "policies.yaml"
    path.write_text("topics: {ttl_s: 5, isolated_tenants: [acme]}\ndrafts: {enabled: false}\n")
    policies = Policies(POLICY, parse_policies(str(path), POLICY))
    assert policies.of("topics") == POLICY.model_copy(update={"ttl_s": 5, "isolated_tenants": frozenset({"acme"})})
    assert (policies.of("drafts").enabled, policies.of("drafts").ttl_s) == (False, 100)
    assert policies.of("other") is POLICY
    assert parse_policies('{"topics": {"ttl_s": 5}}', POLICY)["topics"].ttl_s == 5


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"topics": {"ttl_s": -1}}', r"^topics\.ttl_s: Input should be greater than 0"),
        ('{"topics": {"ttl": 1}}', r"^topics\.ttl: Extra inputs"),
        ('{"topics": 5}', "^topics: must be an object"),
        ("{nonsense: [", "^not YAML"),
        ("/nowhere/policies.yaml", "No such file"),
    ],
)
def test_a_wrong_policy_is_named(text, sentence):
    with pytest.raises(PolicyError, match=sentence):
        parse_policies(text, POLICY)


def test_tenants_with_a_cache_of_their_own():
    some, every = CachePolicy(isolated_tenants={"acme"}), CachePolicy(isolated_tenants={"all"})
    assert [some.isolates(tenant) for tenant in ("acme", "other", "")] == [True, False, False]
    assert [every.isolates(tenant) for tenant in ("acme", "other", "")] == [True, True, False]
    assert Policies(CachePolicy(), {"topics": some}).isolates("acme")
    assert not Policies(CachePolicy(), {"topics": some}).isolates("other")
