"""Who was assigned in an earlier epoch stays, and where it counts."""

from random import Random

import numpy as np
import pytest

from gateway.catalog.catalog import Catalog, ServedModel, ServedVersion
from gateway.experiments.assignment import assign
from gateway.experiments.compilation import experiment_of
from gateway.experiments.definition import read
from gateway.experiments.earlier_units import EarlierUnits, code_of
from gateway.experiments.file import FileExperiments
from gateway.experiments.in_force import UNKNOWN, merged
from gateway.experiments.placement import place, unit_hash
from gateway.experiments.record import Epoch, Record, Stored
from gateway.fakes.manifests import make_manifest

CATALOG = Catalog({"topics": ServedModel("topics", {n: ServedVersion(make_manifest("topics", n), ready=True) for n in range(1, 5)}, 1, 8)})
UNITS = [f"u{i}" for i in range(400)]


class Known:
    """What a gateway has read of earlier epochs."""

    def __init__(self, **units):
        self.revision, self._units = 0, units

    def before(self, key, epoch):
        return self._units.get(key)


def definition(weights, versions=(1, 2, 3), names="abc", **fields):
    arms = [
        {"name": name, "model": "topics", "version": version, "weight": weight}
        for name, version, weight in zip(names, versions, weights, strict=False)
    ]
    return read({"key": "e", "variants": arms, **fields})


def record(*definitions, **fields):
    epochs = tuple(Epoch.of(i, float(i), one) for i, one in enumerate(definitions, 1))
    return Record(definitions[-1], "running", len(epochs), 1, 0.0, 0.0, started_at=1.0, epochs=epochs, **fields)


def table(epochs):
    """The table of {epoch: {unit: the place of its variant}}."""
    found = EarlierUnits.none()
    for epoch, places in epochs.items():
        hashes = np.array([int.from_bytes(unit_hash(unit)) for unit in places], np.uint64)
        found = found.plus(hashes, np.array([code_of(epoch, one) for one in places.values()], np.uint16))
    return found


def arm(record, units, name, known=None):
    """(variant, version, epoch, whether it counts) of a unit; None where it takes no part."""
    found = merged(FileExperiments({}), Stored(1, {"e": record}), None, known or Known(e=table(units)))
    placement = place(CATALOG, found.by_model, "topics", None, name, Random(0))
    return next(((one.variant, placement.version, one.epoch, one.counted) for one in placement.arms), None)


def test_who_was_assigned_stays_and_the_others_follow_the_new_weights():
    first, second = definition([0.5, 0.5]), definition([0.1, 0.9])
    seen = {unit: "ab".index(assign(experiment_of(first), unit).name) for unit in UNITS[:200]}
    found = {unit: arm(record(first, second), {1: seen}, unit) for unit in UNITS}
    assert {found[unit] for unit in UNITS[:200]} == {("a", 1, 1, True), ("b", 2, 1, True)}
    assert ["ab".index(found[unit][0]) for unit in seen] == list(seen.values())
    anew = experiment_of(second)
    assert [found[unit][0] for unit in UNITS[200:]] == [assign(anew, unit).name for unit in UNITS[200:]]
    assert {found[unit][2] for unit in UNITS[200:]} == {2}
    assert ["ab".index(assign(anew, unit).name) for unit in seen] != list(seen.values())  # they would have moved


@pytest.mark.parametrize(
    ("second", "wanted"),
    [
        (definition([0.2, 0.8]), ("b", 2, 1, True)),
        (definition([0.2, 0.2, 0.6]), ("b", 2, 1, True)),
        (definition([0.5, 0.5], condition={"country": "de"}), ("b", 2, 1, True)),
        (definition([0.5, 0.5], versions=(1, 4)), ("b", 4, 2, True)),  # the same weights, and another version
        (definition([0.2, 0.8], versions=(1, 4)), ("b", 4, 2, False)),
    ],
    ids=["weights", "a variant more", "condition", "version", "version and weights"],
)
def test_where_a_unit_counts_after_a_change(second, wanted):
    assert arm(record(definition([0.5, 0.5]), second), {1: {"bob": 1}}, "bob") == wanted


@pytest.mark.parametrize("second", [definition([0.5, 0.5], names="ac"), definition([0.5, 0, 0.5])], ids=["gone", "without weight"])
def test_whose_variant_takes_no_more_units_is_assigned_anew(second):
    found = arm(record(definition([0.5, 0.5]), second), {1: {"bob": 1}}, "bob")
    assert found == arm(record(definition([0.5, 0.5]), second), {1: {}}, "bob")
    assert found[2] == 2


def test_a_unit_of_several_epochs_counts_in_the_last_one():
    three = record(definition([0.5, 0.5]), definition([0.5, 0.5], versions=(1, 4)), definition([0.9, 0.1], versions=(1, 4)))
    assert arm(three, {1: {"bob": 1}, 2: {"bob": 1}}, "bob") == ("b", 4, 2, True)
    assert arm(three, {1: {"bob": 1}, 2: {}}, "bob") == ("b", 4, 3, False)


@pytest.mark.parametrize(("coverage", "wanted"), [(1e-9, ("b", 2, 1, True)), (0.0, None)])
def test_who_was_assigned_stays_while_the_coverage_falls_but_not_without_any(coverage, wanted):
    second = definition([0.4, 0.6], coverage=coverage)
    assert arm(record(definition([0.5, 0.5]), second), {1: {"bob": 1}}, "bob") == wanted


def test_a_forced_variant_comes_before_the_one_that_a_unit_stays_in():
    second = definition([0.4, 0.6], forced_variants={"bob": "a"})
    assert arm(record(definition([0.5, 0.5]), second), {1: {"bob": 1}}, "bob") == ("a", 1, 2, False)


def test_requests_without_a_unit_have_no_memory():
    class Everybody(EarlierUnits):
        def code(self, unit_hash):
            return code_of(1, 1)

    both = record(definition([0.5, 0.5]), definition([0.9, 0.1]))
    known = Known(e=Everybody(np.empty(0, np.uint64), np.empty(0, np.uint16)))
    assert arm(both, {}, "bob", known) == ("b", 2, 1, True)
    assert arm(both, {}, None, known)[2] == 2


def test_the_epoch_before_stays_in_force_until_it_is_known_who_was_assigned():
    first, both = record(definition([0.5, 0.5])), record(definition([0.5, 0.5]), definition([0.1, 0.9]))
    before = merged(FileExperiments({}), Stored(1, {"e": first}), None)
    waiting = merged(FileExperiments({}), Stored(2, {"e": both}), None, Known(), before.by_model)
    assert [(one.epoch, one.variants[0].weight) for one in waiting.by_model["topics"]] == [(1, 0.5)]
    assert {("e", 1), ("e", 2)} == set(waiting.measured)
    known = merged(FileExperiments({}), Stored(2, {"e": both}), None, Known(e=table({1: {}})), waiting.by_model)
    assert [(one.epoch, one.variants[0].weight) for one in known.by_model["topics"]] == [(2, 0.1)]
    assert UNKNOWN not in known.warnings.get("e", ())


def test_a_roll_back_does_not_wait_until_it_is_known_who_was_assigned():
    first = record(definition([0.5, 0.5]))
    before = merged(FileExperiments({}), Stored(1, {"e": first}), None)
    both = record(definition([0.5, 0.5]), definition([0.1, 0.9], coverage=0.0))
    waiting = merged(FileExperiments({}), Stored(2, {"e": both}), None, Known(), before.by_model)
    assert place(CATALOG, waiting.by_model, "topics", None, "bob", Random(0)).arms == ()


def test_a_start_without_state_says_that_units_may_move():
    found = merged(FileExperiments({}), Stored(1, {"e": record(definition([0.5, 0.5]), definition([0.1, 0.9]))}), "state is gone")
    assert UNKNOWN in found.warnings["e"]


def test_outcomes_find_the_variants_of_each_epoch():
    both = record(definition([0.5, 0.5]), definition([0.2, 0.3, 0.5], names="bca"))
    measured = merged(FileExperiments({}), Stored(1, {"e": both}), None, Known(e=table({1: {}}))).measured
    assert {key: one.variants for key, one in measured.items()} == {("e", 1): ("a", "b"), ("e", 2): ("b", "c", "a")}
