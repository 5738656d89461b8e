from pathlib import Path

import pytest

from gateway.experiments.file import ExperimentsError, experiments_at, parse

GOOD = """
experiments:
  - key: topics-lora
    model: topics
    variants:
      - {name: control, version: 1, weight: 0.5}
      - {name: treatment, version: 2, weight: 0.5}
"""
SECOND = """
  - key: topics-lora
    model: topics
    variants: [{name: a, version: 1, weight: 1}, {name: b, version: 2, weight: 0}]
"""


def test_demo_file_splits_topics_in_halves():
    (experiment,) = parse(Path("gateway/demo/experiments.yaml").read_text())["topics"]
    assert [(arm.name, arm.version, arm.weight) for arm in experiment.variants] == [("control", 1, 0.5), ("treatment", 2, 0.5)]


def test_the_seed_is_the_key_unless_it_is_given():
    assert parse(GOOD)["topics"][0].seed == "topics-lora"
    assert parse(GOOD.replace("model: topics", "model: topics\n    seed: other"))["topics"][0].seed == "other"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("weight: 0.5}\n      - {name: t", "weight: 0.7}\n      - {name: t"), "the weights add up to 1.2; they must add up to 1"),
        (("name: treatment", "name: control"), "the variants' names must differ"),
        (("version: 1", "version: one"), "experiments.0.variants.0.version"),
        (("model: topics", "model: topics\n    wieght: 1"), "experiments.0.wieght: there is no such field; weight is one"),
        (("experiments:", "experiments: ["), "not YAML"),
        (("experiments:\n", f"experiments:\n{SECOND}"), "more than one experiment with key topics-lora"),
    ],
)
def test_a_fault_is_named(change, sentence):
    with pytest.raises(ExperimentsError, match=sentence.replace(".", r"\.")):
        parse(GOOD.replace(*change))


def test_a_model_may_have_several_experiments_in_the_order_of_the_file():
    second = SECOND.replace("topics-lora", "another")
    assert [experiment.key for experiment in parse(GOOD + second)["topics"]] == ["topics-lora", "another"]


def test_an_invalid_file_leaves_the_last_valid_one_in_force_and_says_so(tmp_path):
    path = tmp_path / "experiments.yaml"
    path.write_text(GOOD)
    experiments = experiments_at(path)
    experiments.read()
    good = experiments.current.by_model
    path.write_text(GOOD.replace("0.5", "0.6"))
    with pytest.raises(ExperimentsError, match=r"the weights add up to 1\.2"):
        experiments.read()
    assert experiments.current.by_model == good
    assert "1.2" in experiments.fault
    assert experiments.current.fault == experiments.fault
    path.write_text(GOOD.replace("control", "baseline"))
    experiments.read()
    assert (experiments.current.by_model["topics"][0].control.name, experiments.fault) == ("baseline", None)
    assert experiments.current.fault is None


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ExperimentsError, match=r"nowhere\.yaml: No such file"):
        experiments_at(tmp_path / "nowhere.yaml").read()
