"""Which version answers a request, and in which arm the request counts."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import NotFound
from gateway.experiments.assignment import Experiment, Namespace, Variant, assign
from gateway.experiments.condition import compiled
from gateway.experiments.placement import place
from gateway.fakes.manifests import make_manifest
from gateway.fakes.triton import FakeTriton
from gateway.request.placement import Arm, Placement

TOPICS = [make_manifest("topics", 1), make_manifest("topics", 2)]
ARMS = (Variant("control", "topics", 1, 0.5), Variant("treatment", "topics", 2, 0.5))
SPLIT = Experiment("topics-lora", "topics", "seed", 1.0, ARMS)
UNITS = st.text(min_size=1, max_size=20)


def catalog(*manifests, unloaded=()):
    triton = FakeTriton(*manifests)
    for model, version in unloaded:
        triton.unload(model, version)
    return triton._catalog


# made here and not in the tests that hypothesis repeats, whose examples have a time limit
BOTH = catalog(*TOPICS)
WITHOUT_TREATMENT = catalog(*TOPICS, unloaded=[("topics", 2)])
THIRD_ALONE = catalog(*TOPICS, make_manifest("topics", 3), unloaded=[("topics", 1), ("topics", 2)])
LARGE = make_manifest("topics-large", 5)
WITH_LARGE = catalog(*TOPICS, LARGE)


def placed(unit, *experiments, serves=BOTH, version=None, seed=0, **attributes):
    return place(serves, {"topics": experiments or [SPLIT]}, "topics", version, unit, Random(seed), attributes)


def test_without_an_experiment_the_default_version_answers():
    assert place(BOTH, {}, "topics", None, "bob", Random(0)) == Placement("topics", 2)


@given(UNITS)
def test_the_version_asked_for_is_outside_of_the_experiment(unit):
    assert placed(unit, version=1) == Placement("topics", 1)
    assert placed(unit, version=7) == Placement("topics", 7)


def test_a_model_that_is_not_served_is_not_found():
    with pytest.raises(NotFound, match="there are: topics"):
        place(BOTH, {}, "weather", None, "bob", Random(0))


@given(UNITS)
def test_a_unit_is_answered_by_the_version_of_its_variant(unit):
    variant = assign(SPLIT, unit)
    found = placed(unit)
    assert (found.model, found.version) == ("topics", variant.version)
    assert (found.experiment, found.variant, found.fallback) == ("topics-lora", variant.name, False)
    (arm,) = found.arms
    assert arm == Arm("topics-lora", variant.name, 1, placed(unit, seed=1).arms[0].unit_hash, True, True)
    assert len(arm.unit_hash) == 8


@given(UNITS)
def test_a_unit_whose_variant_is_not_ready_is_answered_by_the_control_and_stays_in_its_arm(unit):
    found = placed(unit, serves=WITHOUT_TREATMENT)
    assert found.version == 1
    assert found.variant == assign(SPLIT, unit).name
    assert found.fallback == (found.variant == "treatment")


@given(UNITS)
def test_the_default_version_answers_if_the_control_is_not_ready_either(unit):
    found = placed(unit, serves=THIRD_ALONE)
    assert (found.version, found.fallback, found.variant) == (3, True, assign(SPLIT, unit).name)


@given(UNITS)
def test_units_that_are_not_covered_are_answered_by_the_control_and_count_in_no_arm(unit):
    found = placed(unit, Experiment("topics-lora", "topics", "seed", 0.0, ARMS))
    assert found == Placement("topics", 1)


def test_each_request_without_a_unit_is_a_new_unit_and_not_identified():
    chance = Random(0)
    found = [place(BOTH, {"topics": [SPLIT]}, "topics", None, None, chance) for _ in range(400)]
    assert len({placement.arms[0].unit_hash for placement in found}) == 400
    assert not any(placement.arms[0].identified for placement in found)
    assert 150 < sum(placement.variant == "control" for placement in found) < 250


def test_a_share_of_the_requests_bypasses_the_cache():
    sampled = Experiment("topics-lora", "topics", "seed", 1.0, ARMS, cache_bypass=0.25)
    chance = Random(0)
    bypassed = [place(BOTH, {"topics": [sampled]}, "topics", None, "bob", chance).bypass for _ in range(2000)]
    assert 0.2 < sum(bypassed) / len(bypassed) < 0.3


BETWEEN = Experiment("larger", "topics", "seed", 1.0, (ARMS[0], Variant("large", "topics-large", 5, 0.5)))


@given(UNITS)
def test_a_variant_may_be_a_version_of_another_model(unit):
    found = placed(unit, BETWEEN, serves=WITH_LARGE)
    variant = assign(BETWEEN, unit)
    assert (found.model, found.version, found.fallback) == (variant.model, variant.version, False)


@pytest.mark.parametrize(
    "serves",
    [
        BOTH,
        catalog(*TOPICS, make_manifest("topics-large", 4)),
        catalog(*TOPICS, make_manifest("topics-large", 5, task="feature-extraction")),
    ],
    ids=["no such model", "no such version", "another task"],
)
@given(unit=UNITS)
def test_a_variant_of_another_model_that_cannot_answer_is_a_fallback(unit, serves):
    found = placed(unit, BETWEEN, serves=serves)
    assert (found.model, found.version) == ("topics", 1)
    assert found.fallback == (assign(BETWEEN, unit).name == "large")


THREE = catalog(*TOPICS, make_manifest("topics", 3))
LORA = Experiment("lora", "topics", "lora", 1.0, ARMS)
THIRD = Experiment("third", "topics", "third", 1.0, (ARMS[0], Variant("third", "topics", 3, 0.5)))
MANY = [f"unit-{i}" for i in range(2000)]


def with_namespace(experiment, start, end):
    return replace(experiment, namespace=Namespace("n", start, end))


def test_experiments_of_one_namespace_share_no_unit():
    first, second = with_namespace(LORA, 0, 0.5), with_namespace(THIRD, 0.5, 1)
    found = [placed(unit, first, second, serves=THREE) for unit in MANY]
    assert {len(placement.arms) for placement in found} == {1}
    assert {placement.experiment for placement in found} == {"lora", "third"}
    assert all(placement.exposures for placement in found)


def arms_of(unit):
    return assign(LORA, unit).name, assign(THIRD, unit).name


@pytest.mark.parametrize(
    ("arms", "version", "counted_in"),
    [
        (("control", "control"), 1, ["lora", "third"]),
        (("treatment", "control"), 2, ["lora"]),
        (("control", "third"), 3, ["third"]),
        (("treatment", "third"), 2, []),
    ],
)
def test_the_first_experiment_that_changes_the_version_chooses_and_none_counts_what_another_changes(arms, version, counted_in):
    unit = next(unit for unit in MANY if arms_of(unit) == arms)
    found = placed(unit, LORA, THIRD, serves=THREE)
    assert found.version == version
    assert [arm.experiment for arm in found.exposures] == counted_in
    assert found.variant == (arms[1] if version == 3 else arms[0])


@pytest.mark.parametrize("experiment", ["lora", "third"])
def test_layered_experiments_count_equal_arms_that_see_what_the_variants_name(experiment):
    """Arms that another experiment thins out stay equally large, and see no other version."""
    counted = [
        (arm.variant, placement.version)
        for placement in (placed(unit, LORA, THIRD, serves=THREE) for unit in MANY)
        for arm in placement.exposures
        if arm.experiment == experiment
    ]
    assert set(counted) == ({("control", 1), ("treatment", 2)} if experiment == "lora" else {("control", 1), ("third", 3)})
    assert 400 < sum(variant == "control" for variant, _ in counted) < 600
    assert 900 < len(counted) < 1100


def test_a_forced_unit_sees_its_variant_whatever_comes_first_and_is_not_counted():
    forced = replace(THIRD, coverage=0.0, forced={"qa": "third"})
    found = placed("qa", replace(LORA, forced={"other": "treatment"}), forced, serves=THREE)
    assert (found.version, found.experiment, found.exposures) == (3, "third", [])


def test_a_unit_that_is_forced_to_the_control_sees_it_though_another_experiment_has_other_plans():
    unit = next(unit for unit in MANY if arms_of(unit)[1] == "third")
    found = placed(unit, replace(LORA, forced={unit: "control"}), THIRD, serves=THREE)
    assert (found.version, found.experiment, found.exposures) == (1, "lora", [])


def test_units_of_another_attribute_are_those_of_its_value():
    by_company = replace(SPLIT, unit_attribute="company")
    found = {placed(unit, by_company, company="acme").arms for unit in MANY[:50]}
    assert len(found) == 1
    ((arm,),) = found
    assert arm.unit_hash == placed("acme").arms[0].unit_hash
    assert arm.identified
    assert placed(None, by_company, company="acme").arms == (arm,)


@pytest.mark.parametrize("attributes", [{}, {"company": ""}, {"company": None}, {"company": ["acme"]}, {"company": 0}])
def test_a_request_without_the_units_attribute_takes_no_part(attributes):
    assert placed("bob", replace(SPLIT, unit_attribute="company"), **attributes) == Placement("topics", 1)


def test_a_condition_lets_in_whom_it_names_and_the_others_see_the_control():
    german = replace(SPLIT, condition=compiled({"country": "de", "id": {"$ne": "bob"}}))
    assert placed("alice", german, country="de").experiment == "topics-lora"
    for unit, country in (("alice", "fr"), ("bob", "de")):
        assert placed(unit, german, country=country) == Placement("topics", 1)


def test_a_condition_on_the_unit_does_not_hold_for_a_name_that_the_gateway_made():
    assert placed(None, replace(SPLIT, condition=compiled({"id": {"$exists": True}}))) == Placement("topics", 1)


def test_the_greatest_share_of_cache_bypass_counts():
    one, other = replace(LORA, cache_bypass=0.0), replace(THIRD, cache_bypass=1.0)
    both = {placed(unit, one, other, serves=THREE).bypass for unit in MANY[:20]}
    assert both == {True}
