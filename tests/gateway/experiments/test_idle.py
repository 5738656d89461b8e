"""Nobody waits for what a definition says and nothing does."""

from gateway.experiments.definition import read
from gateway.experiments.idle import idle_warnings

ARMS = [{"name": name, "model": "topics", "version": version, "weight": 0.5} for version, name in enumerate(("control", "treatment"), 1)]


def test_a_definition_of_an_assignment_alone_is_acted_on_whole():
    assert idle_warnings(read({"key": "lora", "variants": ARMS, "coverage": 0.2, "cache_bypass": 0.1})) == []


def test_what_nothing_acts_on_is_named():
    shadowing = [ARMS[0], ARMS[1] | {"shadow": 0.1}]
    given = {"key": "lora", "variants": shadowing, "metrics": [{"name": "click", "kind": "binary"}], "ramp": {"steps": [{"coverage": 1}]}}
    [warning] = idle_warnings(read(given))
    assert warning.startswith("experiment lora: nothing acts on shadow: ")
