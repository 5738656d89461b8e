"""The commands of gateway/docs/experiments.md, as a reader pastes them, on a real state."""

import json
import os

import pytest
import yaml
from gateway_process import GatewayProcess
from http_triton import HttpTriton
from pages import ROOT, Reader, blocks

from gateway.embedded.valkey import Valkey
from gateway.fakes.manifests import make_manifest

pytestmark = pytest.mark.integration
_, MAKE, CHANGE, TERMINAL, _ = blocks("gateway/docs/experiments.md", "sh")
_, _, APPLIED, *_ = blocks("gateway/docs/experiments.md", "yaml")


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    triton = HttpTriton(*(make_manifest("topics", version) for version in (1, 2)))
    with (
        Valkey(folder / "state") as state,
        GatewayProcess(log=folder / "gateway.log", triton_url=triton.url, state_url=state.url, state_timeout_ms=2000) as gateway,
    ):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
        environment |= {"HEADRACE_CLIENT_URL": gateway.url, "PYTHONPATH": str(ROOT)}
        yield Reader(folder, {"localhost:8080": gateway.url.removeprefix("http://")}, environment)
    triton.close()


def objects(text):
    """The JSON objects of several answers that follow each other."""
    decoder, found = json.JSONDecoder(), []
    while text := text[text.find("{") :] if "{" in text else "":
        one, end = decoder.raw_decode(text)
        found.append(one)
        text = text[end:]
    return found


def test_the_page_makes_changes_promotes_and_forgets_an_experiment(reader):
    made, started, listed, shown = objects(reader.paste(MAKE))
    assert (made["status"], started["status"], listed["experiments"], shown["status"]) == ("draft", "running", [shown], "running")
    changed, paused, again, promoted, model, rolled_back, results, events = objects(reader.paste(CHANGE))
    assert (changed["coverage"], paused["status"], again["status"], promoted["status"]) == (0.5, "paused", "running", "stopped")
    assert (model["default_version"], model["default_by"], rolled_back["promotion"]) == (1, "topics-size", None)
    assert (results["status"], results["srm"]["ok"], [one["units"] for one in results["variants"]]) == ("stopped", True, [0, 0])
    assert [event["action"] for event in events["events"]] == ["create", "start", "change", "pause", "start", "promote", "rollback"]


def test_the_terminal_does_the_same(reader):
    (reader.folder / "topics-size.yaml").write_text(APPLIED)
    said = reader.paste(TERMINAL)
    assert "topics-size: made, now running" in said
    assert "topics-size: deleted" in said
    assert "split: fits the weights" in said
    assert "the sums are those of the 0 units' records, bit for bit" in said
    exported = yaml.safe_load((reader.folder / "experiments.yaml").read_text())["experiments"]
    assert [(one["key"], one["status"]) for one in exported] == [("topics-size", "stopped")]
