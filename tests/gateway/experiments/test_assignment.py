from random import Random

import growthbook.core as oracle
import pytest
from growthbook import Experiment as OracleExperiment
from growthbook import GrowthBook
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.experiments.assignment import Experiment, Namespace, Range, Variant, assign, bucket, fnv1a_32
from gateway.experiments.compilation import experiment_of
from gateway.experiments.definition import read
from gateway.experiments.placement import place
from gateway.fakes.manifests import make_manifest
from gateway.fakes.triton import FakeTriton

BOTH = FakeTriton(*(make_manifest("topics", version) for version in (1, 2, 3)))._catalog
texts = st.text(st.characters(codec="utf-16"), max_size=40)


def experiment(*weights: float, coverage: float = 1.0, seed: str = "topics-lora") -> Experiment:
    variants = tuple(Variant(f"v{i}", "topics", i + 1, weight) for i, weight in enumerate(weights))
    return Experiment("topics-lora", "topics", seed, coverage, variants)


@given(texts)
def test_hash_agrees_with_growthbook(text):
    assert fnv1a_32(text) == oracle.fnv1a32(text)


@given(seed=texts, unit=texts)
def test_bucket_agrees_with_growthbook_version_2(seed, unit):
    assert bucket(seed, unit) == oracle.gbhash(seed, unit, 2)


@given(
    parts=st.lists(st.integers(0, 10), min_size=2, max_size=5).filter(any),
    coverage=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    unit=texts,
)
def test_variant_agrees_with_growthbook(parts, coverage, unit):
    weights = [part / sum(parts) for part in parts]
    ranges = oracle.getBucketRanges(len(weights), coverage, weights)
    expected = oracle.chooseVariation(oracle.gbhash("topics-lora", unit, 2), ranges)
    variant = assign(experiment(*weights, coverage=coverage), unit)
    assert variant == (None if expected < 0 else Variant(f"v{expected}", "topics", expected + 1, weights[expected]))


@given(parts=st.lists(st.integers(0, 10), min_size=2, max_size=5).filter(any), coverage=st.floats(0, 1))
def test_ranges_are_growthbooks(parts, coverage):
    weights = [part / sum(parts) for part in parts]
    found = experiment(*weights, coverage=coverage)
    ranges = oracle.getBucketRanges(len(weights), coverage, weights)
    assert found.ranges == tuple(Range(*ends, variant) for ends, variant in zip(ranges, found.variants, strict=True))


@given(name=texts, unit=texts, ends=st.lists(st.integers(0, 10), min_size=2, max_size=2, unique=True).map(sorted))
def test_namespaces_agree_with_growthbook(name, unit, ends):
    start, end = (place / 10 for place in ends)
    assert Namespace(name, start, end).holds(unit) == oracle.inNamespace(unit, (name, start, end))


def test_ranges_of_a_namespace_that_do_not_overlap_share_no_unit_and_leave_none_out():
    parts = [Namespace("n", 0, 0.3), Namespace("n", 0.3, 0.7), Namespace("n", 0.7, 1)]
    assert {sum(part.holds(f"user-{i}") for part in parts) for i in range(2000)} == {1}


definitions = st.fixed_dictionaries(
    {"coverage": st.sampled_from([0, 0.01, 0.3, 1])},
    optional={
        "seed": st.sampled_from(["s", "t"]),
        "unit_attribute": st.sampled_from(["id", "company"]),
        "namespace": st.sampled_from([["n", 0, 0.5], ["n", 0.5, 1], ["m", 0.2, 0.9]]),
        "condition": st.sampled_from([{}, {"country": "de"}, {"age": {"$gt": 17}}, {"id": {"$regex": "^u1"}}]),
        "forced_variants": st.sampled_from([{}, {"u1": "v1"}, {"u7": "v0"}]),
    },
)
units = st.fixed_dictionaries(
    {"id": st.integers(0, 40).map("u{}".format)},
    optional={
        "company": st.sampled_from(["acme", "", 0, 7, 7.5, True, None, ["acme"]]),
        "country": st.sampled_from(["de", "at", 1]),
        "age": st.sampled_from([17, 18, "18"]),
    },
)


def growthbooks_result(definition, attributes, forced):
    experiment = OracleExperiment(
        key="e",
        variations=["v0", "v1", "v2"],
        weights=[0.2, 0.5, 0.3],
        coverage=definition["coverage"],
        seed=definition.get("seed"),
        hashVersion=2,
        hashAttribute=definition.get("unit_attribute", "id"),
        namespace=definition.get("namespace") and tuple(definition["namespace"]),
        condition=definition.get("condition"),
    )
    return GrowthBook(attributes=attributes, forced_variations=forced).run(experiment)


@settings(max_examples=400, deadline=None)
@given(definitions, units)
def test_whole_runs_agree_with_growthbook(definition, attributes):
    arms = [{"name": f"v{i}", "version": i + 1, "weight": weight} for i, weight in enumerate([0.2, 0.5, 0.3])]
    ours = place(
        BOTH,
        {"topics": [experiment_of(read({"key": "e", "model": "topics", "variants": arms} | definition))]},
        "topics",
        None,
        attributes["id"],
        Random(0),
        {name: value for name, value in attributes.items() if name != "id"},
    )
    unit = attributes.get(definition.get("unit_attribute", "id"))
    named = definition.get("forced_variants", {}).get(unit) if isinstance(unit, str) else None
    theirs = growthbooks_result(definition, attributes, {} if named is None else {"e": int(named[1])})
    assert (ours.variant, [arm.counted for arm in ours.arms]) == ((theirs.value, [theirs.hashUsed]) if theirs.inExperiment else ("", []))


def test_shares_of_many_units_follow_the_weights():
    split = experiment(0.2, 0.8)
    names = [assign(split, f"user-{i}").name for i in range(20_000)]
    assert abs(names.count("v0") / len(names) - 0.2) < 0.01


@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.2, 0.3, 0.5)])
def test_in_a_ramp_of_coverage_no_unit_changes_its_variant(weights):
    steps = [experiment(*weights, coverage=coverage) for coverage in (0.01, 0.05, 0.25, 0.5, 1.0)]
    for unit in map(str, range(1000)):
        seen = [variant.name for step in steps if (variant := assign(step, unit)) is not None]
        assert len(set(seen)) == 1
        assert assign(steps[-len(seen)], unit) is not None  # who is in stays in
