"""The file and state together, and the default versions that experiments promoted."""

import pytest

from gateway.catalog.catalog import Catalog, Default, ServedModel, ServedVersion
from gateway.experiments.definition import read
from gateway.experiments.file import FileExperiments, parse
from gateway.experiments.in_force import ExperimentsInForce, merged
from gateway.experiments.record import Record, Stored
from gateway.fakes.manifests import make_manifest

FILE = """
experiments:
  - key: of-file
    model: topics
    variants: [{name: a, version: 1, weight: 0.5}, {name: b, version: 2, weight: 0.5}]
"""


def record(key, status="running", started_at=1.0, epoch=1, **fields):
    arms = [{"name": "a", "model": "topics", "version": 1, "weight": 0.5}, {"name": "b", "model": "topics", "version": 2, "weight": 0.5}]
    return Record(read({"key": key, "variants": arms, **fields}), status, epoch, 1, 0.0, 0.0, started_at=started_at)


def stored(*records):
    return Stored(1, {one.key: one for one in records})


def test_those_of_state_that_run_come_first_in_the_order_of_their_start():
    found = merged(
        FileExperiments(parse(FILE)),
        stored(
            record("late", started_at=3.0), record("early", started_at=2.0, epoch=4), record("draft", "draft"), record("over", "stopped")
        ),
        None,
    )
    assert [(one.key, one.epoch) for one in found.by_model["topics"]] == [("early", 4), ("late", 1), ("of-file", 1)]


def test_a_key_of_the_file_is_that_of_the_file():
    found = merged(FileExperiments(parse(FILE)), stored(record("of-file", coverage=0.1)), None)
    assert [(one.key, one.coverage) for one in found.by_model["topics"]] == [("of-file", 1.0)]


def test_the_faults_of_both_are_told():
    assert merged(FileExperiments({}, fault="the file"), Stored(), "the state").fault == "the file; the state"
    assert merged(FileExperiments({}), Stored(), None).fault is None


class Source:
    def __init__(self, current):
        self.current, self.fault = current, None


def test_the_snapshot_is_the_same_object_until_a_source_changes():
    file, state = Source(FileExperiments({})), Source(Stored())
    in_force = ExperimentsInForce(file, state)
    first = in_force.current
    assert in_force.current is first
    state.current = stored(record("lora"))
    second = in_force.current
    assert [one.key for one in second.by_model["topics"]] == ["lora"]
    file.current = FileExperiments(parse(FILE))
    assert [one.key for one in in_force.current.by_model["topics"]] == ["lora", "of-file"]
    state.fault = "state does not answer"
    assert in_force.current.fault == "state does not answer"


def served(promoted=None, ready=(1, 2, 3)):
    versions = {number: ServedVersion(make_manifest("topics", number), ready=number in ready) for number in (1, 2, 3)}
    return Catalog({"topics": ServedModel("topics", versions, 1, 8, promoted)})


@pytest.mark.parametrize(
    ("catalog", "default", "version", "by"),
    [
        (served(), Default(1, "lora"), 1, "lora"),
        (served(promoted=2), Default(1, "lora", configured=2), 1, "lora"),
        (served(promoted=3), Default(1, "lora", configured=2), 3, None),  # somebody has promoted version 3 since
        (served(promoted=2, ready=(2, 3)), Default(1, "lora", configured=2), 2, None),
        (served(ready=(2, 3)), Default(1, "lora"), 3, None),
        (served(), Default(2), 2, None),  # a roll-back restored it
    ],
)
def test_a_default_that_was_decided_holds_while_it_is_ready_and_the_configuration_stays(catalog, default, version, by):
    model = catalog.deciding({"topics": default, "gone": Default(7)}).model("topics")
    assert (model.default_version, model.default.experiment) == (version, by)


def test_without_decisions_the_catalog_is_the_same():
    catalog = served()
    assert catalog.deciding({}) is catalog
