"""A planted effect through the whole path: Locust, gateway, Triton, Valkey, results."""

import re
import shlex
import subprocess
import sys

import httpx
import pytest
from gateway_process import ROOT, GatewayProcess
from pages import blocks

from gateway.embedded.valkey import Valkey

pytestmark = pytest.mark.integration
[DOCUMENTED] = [block for block in blocks("loadtest/docs/load.md", "sh") if "--effect" in block]
VARIANTS = [
    {"name": "control", "model": "topics", "version": 1, "weight": 0.5},
    {"name": "treatment", "model": "topics", "version": 2, "weight": 0.5},
]


@pytest.fixture(scope="module")
def gateway(triton, tmp_path_factory):
    folder = tmp_path_factory.mktemp("effect")
    with Valkey(folder / "state") as state:
        settings = {"triton_url": triton.http_url, "state_url": state.url, "state_timeout_ms": 5000}
        with GatewayProcess(log=folder / "gateway.log", **settings) as running:
            url = f"{running.url}/v1/experiments/planted"
            metrics = [{"name": "click", "kind": "binary"}]
            assert httpx.put(url, json={"variants": VARIANTS, "metrics": metrics, "planned_units": 1000}).status_code == 201
            assert httpx.post(f"{url}:start").status_code == 200
            yield running


def run(gateway, folder, effect, units):
    """The exit status and the output of the page's command, with another effect and less of it."""
    corpus = folder / "corpus.txt"
    corpus.write_text("corn and wheat\ncrude oil\nthe bank of england\n")
    smaller = {
        "url": gateway.url,
        "users": 8,
        "duration": 5,
        "units": units,
        "corpus": corpus,
        "effect": effect,
        "report": folder / "report",
    }
    command = DOCUMENTED
    for flag, value in smaller.items():
        command, found = re.subn(rf"--{flag} \S+", f"--{flag} {value}", command)
        assert found == 1
    arguments = [sys.executable, *shlex.split(command)[1:], "--workers", "2", "--repeat", "1"]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_the_effect_that_was_planted_is_found(gateway, tmp_path):
    status, said = run(gateway, tmp_path, "planted:click:control=0.2,treatment=0.5", units=1000)
    assert status == 0, said
    assert "click of treatment: planted +0.3000 holds: found +0." in said
    assert "treatment is better" in said
    results = httpx.get(f"{gateway.url}/v1/experiments/planted/results").json()
    assert sum(one["units"] for one in results["variants"]) > 500
    assert httpx.get(f"{gateway.url}/v1/experiments/planted/check").json()["ok"]


def test_another_effect_than_the_one_that_is_there_is_told_apart(gateway, tmp_path):
    status, said = run(gateway, tmp_path, "planted:click:control=0.2,treatment=0.2", units=100)
    assert status == 1, said
    assert "click of treatment: planted +0.0000 DOES NOT HOLD: found +0." in said


def test_a_metric_that_is_not_measured_ends_the_run_with_a_sentence(gateway, tmp_path):
    status, said = run(gateway, tmp_path, "planted:smile:control=0.5,treatment=1", units=100)
    assert status == 1, said
    assert "does planted have the metric smile?" in said
