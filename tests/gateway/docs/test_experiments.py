"""The blocks and the table of fields of gateway/docs/experiments.md."""

import json
import re

import yaml
from pages import ROOT, blocks
from pasted import commands

from gateway.calls.headers import attributes
from gateway.experiments import file
from gateway.experiments.condition import compiled
from gateway.experiments.definition import Bandit, Definition, Metric, Namespace, Step, Variant, read
from gateway.measurement.layout import layout_of
from gateway.routes.outcomes import OutcomesBody

# what is said of the routes and the terminal is run by tests/gateway/experiments/test_page.py
EXAMPLE, CONDITION, _, SHADOW, RAMP = blocks("gateway/docs/experiments.md", "yaml")
ASKED, *_, POSTED = blocks("gateway/docs/experiments.md", "sh")
PAGE = (ROOT / "gateway/docs/experiments.md").read_text()
FIELDS = PAGE.partition("| field |")[2].partition("\n\n")[0]


def test_the_shadow_of_the_page_answers_nobody():
    [definition] = map(read, yaml.safe_load(SHADOW))
    assert [(variant.weight, variant.shadow) for variant in definition.variants] == [(1, 0), (0, 0.1)]


def test_the_file_is_valid():
    [[experiment]] = file.parse(EXAMPLE).values()
    assert (experiment.model, experiment.coverage, [variant.weight for variant in experiment.variants]) == ("mail", 1.0, [0.9, 0.1])


def test_the_attributes_that_are_shown_fulfil_the_condition_that_is_shown(tmp_path):
    [curl] = commands(ASKED, tmp_path)
    headers = dict(word.split(": ", 1) for word in curl.words if word.startswith("X-Unit-"))
    condition = compiled(yaml.safe_load(CONDITION)["condition"])
    given = attributes({name.lower(): value for name, value in headers.items()})
    assert condition.holds(given)
    assert not condition.holds(given | {"country": "fr"})


def test_the_table_has_each_field_of_a_definition():
    first_cells = "\n".join(line.split("|")[1] for line in FIELDS.splitlines() if line.startswith("| `"))
    named = {name.rpartition(".")[2] for name in re.findall(r"`([a-z_.]+)`", first_cells)}
    assert named == {*Definition.model_fields, *Variant.model_fields, *Metric.model_fields, "steps"} - {"ramp"}
    assert all(f"{name}" in FIELDS for part in (Namespace, Step, Bandit) for name in part.model_fields)


def test_the_outcome_is_valid(tmp_path):
    [curl] = commands(POSTED, tmp_path)
    *_, url, option, body = curl.words
    assert (url, option) == ("localhost:8080/v1/outcomes", "-d")
    assert OutcomesBody.model_validate(json.loads(body)).outcomes[0].unit == "user-42"


def test_the_ramp_is_valid_and_both_its_guardrails_are_measured():
    definition = read(yaml.safe_load(RAMP))
    assert [step.coverage for step in definition.ramp.steps] == [0.01, 0.05, 0.25, 1]
    assert [metric.name for metric in definition.guardrails] == ["errors", "slow"]
    assert layout_of(definition).unmeasured == {}
