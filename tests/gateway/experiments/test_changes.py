"""What a change of an experiment does to its groups, counted unit by unit."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.experiments.assignment import Experiment, Namespace, Variant, assign
from gateway.experiments.changes import moves, warnings_of
from gateway.experiments.condition import compiled
from gateway.experiments.file import experiments_at

UNITS = [f"unit-{i}" for i in range(3000)]


def experiment(weights, coverage=1.0, key="exp", seed=None, model="topics", versions=None):
    variants = [Variant(name, model, (versions or {}).get(name, 1), weight) for name, weight in weights.items()]
    return Experiment(key, model, seed or key, coverage, tuple(variants))


def counted(before, after):
    changed = left = joined = 0
    for unit in UNITS:
        one, other = assign(before, unit), assign(after, unit)
        changed += one is not None and other is not None and one.name != other.name
        left += one is not None and other is None
        joined += one is None and other is not None
    return [count / len(UNITS) for count in (changed, left, joined)]


weights = (
    st.lists(st.integers(0, 10), min_size=3, max_size=3)
    .filter(any)
    .map(lambda parts: {name: part / sum(parts) for name, part in zip("abc", parts, strict=True)})
)
coverages = st.sampled_from([0, 0.1, 0.5, 1])


@settings(max_examples=30, deadline=None)
@given(weights, weights, coverages, coverages)
def test_moves_are_those_of_the_units(before, after, coverage_before, coverage_after):
    one, other = experiment(before, coverage_before), experiment(after, coverage_after)
    assert list(moves(one, other)) == pytest.approx(counted(one, other), abs=0.04)


HALVES = {"control": 0.5, "treatment": 0.5}


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        (experiment(HALVES), experiment(HALVES), []),
        (experiment(HALVES, 0.2), experiment(HALVES, 0.5), []),  # units only come in
        (experiment(HALVES), experiment({"control": 0.9, "treatment": 0.1}), ["40.0% of all units change their arm"]),
        (
            experiment(HALVES, 0.1),
            experiment({"control": 0.9, "treatment": 0.1}, 0.1),
            ["0.0% of all units change their arm, 5.0% leave"],
        ),
        (experiment(HALVES, 1.0), experiment(HALVES, 0.1), ["90.0% leave and 0.0% come in"]),
        (experiment(HALVES), experiment({"control": 0.9, "treatment": 0.1}, key="exp-2"), []),
        (experiment(HALVES), experiment({"control": 0.9, "treatment": 0.1}, seed="2"), []),
        (experiment(HALVES), experiment(HALVES, versions={"treatment": 2}), ["treatment is answered by another version"]),
        (experiment(HALVES), replace(experiment(HALVES), condition=compiled({"country": "de"})), ["other units take part"]),
        (experiment(HALVES), replace(experiment(HALVES), namespace=Namespace("n", 0, 0.5)), ["other units take part"]),
    ],
)
def test_a_change_that_replaces_groups_under_one_key_and_seed_is_said(before, after, parts):
    found = warnings_of({"topics": [before]}, {"topics": [after]}).get(after.key, [])
    assert len(found) == len(parts)
    assert all(part in sentence and "another key or seed" in sentence for part, sentence in zip(parts, found, strict=True))


def test_experiments_with_one_seed_are_named_together():
    one, other = experiment(HALVES, key="one"), experiment(HALVES, key="other", seed="one", model="minilm")
    found = warnings_of({}, {"topics": [one], "minilm": [other]})
    assert found.keys() == {"one", "other"}
    assert "experiments one and other have the seed one" in found["one"][0]


def test_experiments_of_one_model_with_different_controls_are_named_together():
    one, same = experiment(HALVES, key="one"), experiment(HALVES, key="same")
    other = experiment(HALVES, key="other", versions={"control": 3})
    assert warnings_of({}, {"topics": [one, same]}) == {}
    found = warnings_of({}, {"topics": [one, other]})
    assert found.keys() == {"one", "other"}
    assert "experiments one and other on topics have different controls" in found["one"][0]


FILE = """
experiments:
  - key: exp
    model: topics
    variants:
      - {{name: control, version: 1, weight: {control}}}
      - {{name: treatment, version: 2, weight: {treatment}}}
"""


def test_a_warning_stays_while_the_experiment_does(tmp_path):
    path = tmp_path / "experiments.yaml"
    experiments = experiments_at(path)
    for control, treatment, comment, warned in ((0.5, 0.5, "", False), (0.9, 0.1, "", True), (0.9, 0.1, "# other", True)):
        path.write_text(FILE.format(control=control, treatment=treatment) + comment)
        experiments.read()
        assert bool(experiments.current.warnings.get("exp")) is warned
