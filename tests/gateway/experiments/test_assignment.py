import growthbook.core as oracle
from hypothesis import given
from hypothesis import strategies as st

from gateway.experiments.assignment import Experiment, Variant, assign, bucket, fnv1a_32

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


def test_shares_of_many_units_follow_the_weights():
    split = experiment(0.2, 0.8)
    names = [assign(split, f"user-{i}").name for i in range(20_000)]
    assert abs(names.count("v0") / len(names) - 0.2) < 0.01


def test_growing_the_coverage_moves_no_unit_to_another_variant():
    small, large = experiment(0.5, 0.5, coverage=0.3), experiment(0.5, 0.5, coverage=0.9)
    moved = [unit for unit in map(str, range(2000)) if (before := assign(small, unit)) is not None and assign(large, unit) != before]
    assert moved == []
