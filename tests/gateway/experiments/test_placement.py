"""Which version answers a request, and in which arm the request counts."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import NotFound
from gateway.experiments.assignment import Experiment, Variant, assign
from gateway.experiments.placement import place
from gateway.fakes.manifests import make_manifest
from gateway.fakes.triton import FakeTriton
from gateway.request.placement import Placement

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


def placed(unit, experiment=SPLIT, serves=BOTH, *, version=None, seed=0):
    return place(serves, {experiment.model: experiment}, "topics", version, unit, Random(seed))


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
    assert (found.experiment, found.variant, found.identified, found.fallback) == ("topics-lora", variant.name, True, False)
    assert found.unit_hash == placed(unit, seed=1).unit_hash
    assert len(found.unit_hash) == 8


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
    found = [place(BOTH, {"topics": SPLIT}, "topics", None, None, chance) for _ in range(400)]
    assert len({placement.unit_hash for placement in found}) == 400
    assert not any(placement.identified for placement in found)
    assert 150 < sum(placement.variant == "control" for placement in found) < 250


def test_a_share_of_the_requests_bypasses_the_cache():
    sampled = Experiment("topics-lora", "topics", "seed", 1.0, ARMS, cache_bypass=0.25)
    chance = Random(0)
    bypassed = [place(BOTH, {"topics": sampled}, "topics", None, "bob", chance).bypass for _ in range(2000)]
    assert 0.2 < sum(bypassed) / len(bypassed) < 0.3


BETWEEN = Experiment("larger", "topics", "seed", 1.0, (ARMS[0], Variant("large", "topics-large", 5, 0.5)))


@given(UNITS)
def test_a_variant_may_be_a_version_of_another_model(unit):
    found = placed(unit, BETWEEN, WITH_LARGE)
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
    found = placed(unit, BETWEEN, serves)
    assert (found.model, found.version) == ("topics", 1)
    assert found.fallback == (assign(BETWEEN, unit).name == "large")
