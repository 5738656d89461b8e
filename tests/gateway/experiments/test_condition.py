"""Conditions mean what they mean to GrowthBook's SDK, and what it would not know is refused."""

import growthbook.core as oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.experiments.condition import ConditionError, compiled
from gateway.experiments.javascript import text_of, unit_of

NAMES = ("a", "b", "a.b", "a.0", "a.length", "id", "$groups")
texts = st.text(st.sampled_from("aAbß€😀 1"), max_size=3)
versions = st.sampled_from(["1.2.3", "v1.2.3", "1.10.0", "1.2.3-beta", "1.2.3-rc.1+build", "2", "", "1.2"])
numbers = st.sampled_from([0, 1, -1, 2, 1.5, 1.0, 1e21, 1.5e-7, 2**53])
scalars = st.none() | st.booleans() | numbers | texts | versions
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "0", "1"]), inner, max_size=3),
    max_leaves=5,
)
attributes = st.dictionaries(st.sampled_from(["a", "b", "id", "$groups"]), json_values)
patterns = st.sampled_from(["^a", "b$", "[a-b]+", "A|1", "ß", "."])


def operators(values):
    compared = st.sampled_from(["$lt", "$lte", "$gt", "$gte", "$veq", "$vne", "$vlt", "$vlte", "$vgt", "$vgte"])
    tests = st.one_of(
        st.tuples(st.sampled_from(["$eq", "$ne"]), scalars),
        st.tuples(compared, numbers | texts | versions),
        st.tuples(st.sampled_from(["$in", "$nin", "$ini", "$nini"]), st.lists(scalars, max_size=3)),
        st.tuples(st.sampled_from(["$regex", "$regexi", "$notRegex", "$notRegexi"]), patterns),
        st.tuples(st.just("$exists"), st.booleans()),
        st.tuples(st.just("$type"), st.sampled_from(["array", "boolean", "null", "number", "object", "string"])),
        st.tuples(st.sampled_from(["$not", "$size"]), values),
        st.tuples(st.sampled_from(["$all", "$alli"]), st.lists(values, max_size=3)),
        st.tuples(st.just("$elemMatch"), values.filter(lambda value: isinstance(value, dict))),
    )
    return st.lists(tests, max_size=2).map(dict)


value_tests = st.recursive(json_values, operators, max_leaves=6)


def grouped(conditions):
    groups = st.tuples(st.sampled_from(["$or", "$nor", "$and"]), st.lists(conditions, max_size=3))
    entries = st.one_of(groups, st.tuples(st.just("$not"), conditions), st.tuples(st.sampled_from(NAMES), value_tests))
    return st.lists(entries, max_size=3).map(dict)


conditions = st.recursive(st.dictionaries(st.sampled_from(NAMES), value_tests, max_size=2), grouped, max_leaves=4)


@settings(max_examples=200, deadline=None)
@given(conditions, attributes)
def test_conditions_agree_with_growthbook(condition, of_unit):
    assert compiled(condition).holds(of_unit) == oracle.evalCondition(of_unit, condition)


@settings(max_examples=200, deadline=None)
@given(operators(value_tests), json_values)
def test_operators_agree_with_growthbook(test, value):
    assert compiled({"a": test}).holds({"a": value}) == oracle.evalCondition({"a": value}, {"a": test})


@given(st.integers(-(2**64), 2**64) | st.floats(allow_nan=False, allow_infinity=False) | numbers)
def test_numbers_are_written_as_javascript_writes_them(number):
    assert text_of(number) == oracle._js_number_to_string(number)


@given(json_values | st.floats() | st.integers())
def test_what_names_a_unit_does_so_in_growthbook(value):
    assert (unit_of(value) or "") == (oracle._hash_string(value) if oracle._is_hashable(value) else "")


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ({"a": {"$eqq": 1}}, r"condition\.a\.\$eqq: there is no such operator here; .*\$elemMatch"),
        ({"$xor": []}, r"condition\.\$xor: there is no such operator here"),
        ({"a": {"$or": []}}, r"condition\.a\.\$or: there is no such operator here"),
        ({"a": {"$inGroup": "g"}}, r"condition\.a\.\$inGroup: saved groups are GrowthBook's own"),
        ({"a": {"$in": "de"}}, r"condition\.a\.\$in: must be a list"),
        ({"a": {"$in": [["de"]]}}, r"condition\.a\.\$in: must hold no list or object"),
        ({"a": {"$in": [0] * 1001}}, r"condition\.a\.\$in: must be a list of at most 1000 values"),
        ({"$or": {"a": 1}}, r"condition\.\$or: must be a list"),
        ({"$or": [{}, 1]}, r"condition\.\$or\.1: must be an object"),
        ({"a": {"$lt": None}}, r"condition\.a\.\$lt: must be a number or a text"),
        ({"a": {"$vgt": True}}, r"condition\.a\.\$vgt: must be a version as a text"),
        ({"a": {"$exists": 1}}, r"condition\.a\.\$exists: must be true or false"),
        ({"a": {"$type": "date"}}, r"condition\.a\.\$type: must be one of array"),
        ({"a": {"$elemMatch": 1}}, r"condition\.a\.\$elemMatch: must be an object"),
        ({"a": {"$regex": "(?=a)"}}, r"condition\.a\.\$regex: must be a regular expression as RE2 reads it"),
        ({"a": {"$regex": r"(a)\1"}}, r"condition\.a\.\$regex: must be a regular expression as RE2 reads it"),
        ({"a": {"$regex": "((a{100}){100}){100}"}}, r"condition\.a\.\$regex: must be a regular expression as RE2 reads it"),
        ({"a": {"$regex": "a" * 501}}, r"condition\.a\.\$regex: must be at most 500 characters"),
        ({"a": {"$regex": 1}}, r"condition\.a\.\$regex: must be a text"),
        ({"a": float("inf")}, "condition: must hold finite numbers only"),
        ({"a": {"$gt": 10**400}}, "condition: must hold finite numbers only"),
        ({"x" * 300: 1}, "a name must be at most 200 characters"),
        ({"$or": [{"a": i} for i in range(200)]}, "condition: has more than 200 tests"),
    ],
)
def test_what_growthbook_would_not_understand_is_refused(condition, sentence):
    with pytest.raises(ConditionError, match=sentence):
        compiled(condition)


def test_a_condition_is_nested_only_so_deeply():
    nested = {"a": 1}
    for _ in range(11):
        nested = {"$not": nested}
    with pytest.raises(ConditionError, match="must be nested at most 10 times"):
        compiled(nested)


def test_a_pattern_that_stalls_other_engines_is_answered():
    assert not compiled({"a": {"$regex": "^(a+)+$"}}).holds({"a": "a" * 4000 + "!"})


def test_half_of_a_surrogate_pair_matches_no_pattern():
    assert not compiled({"a": {"$regex": "."}}).holds({"a": "\ud83d"})


def test_conditions_are_equal_by_their_source():
    assert compiled({"a": 1}) == compiled({"a": 1}) != compiled({"a": 2})
