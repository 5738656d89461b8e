"""The commands of loadtest/docs, pasted one after the other by somebody with a small stack.

Rates, durations and bounds are smaller here, and `topics` is a tiny model. Sweeps are only listed:
measuring the shipped ones takes minutes (`test_sweep.py` measures one).
"""

import json
import os
import re
import shutil

import pytest
import yaml
from pages import ROOT, Reader, blocks

from export.recipe.recipe import Recipe
from loadtest.planning.sweep.document import read_document

pytestmark = pytest.mark.integration
[PLAN, *_FORMULAS] = blocks("loadtest/docs/capacity.md", "")
[COMPARE] = blocks("loadtest/docs/compare.md", "sh")
LOADS = blocks("loadtest/docs/load.md", "sh")
# the others need servers and machines that are not here; test_other_servers.py and helm's tests
# read them
[RUN] = [block for block in LOADS if "loadtest ceiling" in block]
[TRACE] = [block for block in LOADS if "loadtest capture" in block]
[SCENARIO] = blocks("loadtest/docs/load.md", "yaml")
[SWEEPS] = blocks("loadtest/docs/measured.md", "sh")
SEARCH, PROFILE = blocks("loadtest/docs/search.md", "sh")
SWEEP, SHIPPED = blocks("loadtest/docs/sweep.md", "sh")
[DOCUMENT] = blocks("loadtest/docs/sweep.md", "yaml")
TEXTS = 64
SMALLER = {
    r"(?<!\.venv/bin/)python -m": ".venv/bin/python -m",
    r"topics@2": "weather@1",
    r"--model topics": "--model weather",
    r"p99<\w+ms": "p99<9s",
    r"--duration \d+": "--duration 1",
    r"--rate 200 --duration": "--rate 20 --duration",
    r"(-m loadtest search )": r"\1--duration 0.5 --warm-up 0 --first-rate 40 --highest-rate 40 --shared-machine ",
    r"(-m loadtest profile )": r"\1--seconds 0.3 --point-rates 5,10 ",
    r"(-m loadtest ceiling)": r"\1 --duration 0.2",
    r"--rate 2000 ": "--rate 2 ",
    r"--rate 200 --slo": "--rate 2 --slo",
    r"--speed 4 --url …": "--speed 100 --url http://127.0.0.1:8080",
    r"--report …": "--report reports/trace",
    r"--workers 4 --report": "--workers 1 --report",
}


def smaller(text):
    for pattern, here in SMALLER.items():
        text = re.sub(pattern, here, text)
    return text


@pytest.fixture(scope="module")
def desk(tasks_gateway, tmp_path_factory):
    """A folder with texts, the page's scenario, and the log of the gateway."""
    desk = tmp_path_factory.mktemp("desk")
    (desk / "texts.jsonl").write_text(
        "".join(json.dumps({"text": f"mild rain in month {month} " * (1 + 7 * (month % 2))}) + "\n" for month in range(TEXTS))
    )
    scenario = yaml.safe_load(SCENARIO)
    assert scenario["loop"]["arrivals"].keys() == {"process", "rate_rps", "peak_rps", "at_s", "for_s"}
    scenario |= {"url": tasks_gateway.url, "duration_s": 1}
    scenario["loop"]["arrivals"] |= {"rate_rps": 10, "peak_rps": 20, "at_s": 0.2, "for_s": 0.5}
    scenario["workload"]["targets"] = [{"model": "weather", "weight": 3}, {"model": "weather", "version": 1, "weight": 1}]
    del scenario["workload"]["zipf"]  # the page says: instead of `repeat`
    (desk / "spike.yaml").write_text(yaml.safe_dump(scenario))
    return desk


@pytest.fixture(scope="module")
def reader(desk, tasks_gateway, tasks_triton):
    here = {"http://127.0.0.1:8080": tasks_gateway.url, "http://127.0.0.1:8000": f"http://{tasks_triton.http_url}"}
    return Reader(desk, here, {**os.environ, "PYTHONPATH": str(ROOT)})


@pytest.fixture(scope="module")
def run(reader, desk):
    """What the first block says, and its reports."""
    return reader.judge(smaller(RUN)), desk / "reports"


@pytest.fixture(scope="module")
def searched(reader, desk):
    return reader.judge(smaller(SEARCH)), desk / "reports/search"


def test_loads_are_measured(run):
    said, reports = run
    assert len(re.findall(r"requests/s of .* offered", said)) == 2
    assert "started late by p50 / p99" in said
    assert {(reports / name / "report.json").is_file() for name in ("load", "spike")} == {True}


def test_runs_and_searches_are_compared(run, searched, reader, desk):
    for name in ("before", "after", *(f"{side}{number}" for side in "ab" for number in range(1, 5))):
        shutil.copytree(desk / "reports/load", desk / name)
    for side in ("before", "after"):
        shutil.copytree(desk / "reports/search", desk / f"searched-{side}")
    said = reader.judge(smaller(COMPARE))
    assert said.count("No difference that could not be chance") + said.count("Nothing to compare") >= len(COMPARE.splitlines())


def test_a_profile_is_measured_and_planned_with(searched, reader, desk):
    profile, plan = smaller(PROFILE).splitlines()
    reader.judge(profile)
    if not (part := desk / "reports/search/profile.json").exists():  # the machine was too busy to find a rate
        shutil.copy(desk / "profile.json", part)
    assert "replicas" in reader.judge(plan)
    assert "USD" in reader.judge(smaller(PLAN))
    assert {"gateway", "triton"} <= yaml.safe_load((desk / "values.yaml").read_text()).keys()


def test_a_log_is_captured_and_replayed(run, reader, desk, tasks_gateway):
    shutil.copy(tasks_gateway.log, desk / "gateway.log")
    assert "offered" in reader.paste(smaller(TRACE))


def test_the_sweep_of_the_page_is_one(tmp_path):
    (tmp_path / "sweep.yaml").write_text(DOCUMENT)
    (tmp_path / "prices.yaml").write_text((ROOT / "loadtest/cost/prices.yaml").read_text())
    assert read_document(tmp_path / "sweep.yaml").model == "topics"


def test_a_sweep_is_listed(reader, desk, tasks_repository):
    sweep = {"model": "weather", "repository": str(tasks_repository.folder), "corpus": "texts.jsonl", "slo": "p95<1s"}
    (desk / "SWEEP.yaml").write_text(yaml.safe_dump({**sweep, "grid": {"instances": [1, 2]}, "loads": {"rates_rps": [10]}}))
    listed = reader.paste(smaller("\n".join(f"{line.partition('#')[0]} --dry-run" for line in SWEEP.splitlines() if "--slo" not in line)))
    assert listed.count("instances") >= 3


def test_the_shipped_sweeps_are_sweeps_of_a_model_that_the_recipe_makes():
    named = set(re.findall(r"\S+examples/\S+\.yaml", SWEEPS + SHIPPED))
    shipped = {str(path.relative_to(ROOT)) for path in (ROOT / "loadtest/planning/sweep/examples").glob("*.yaml")}
    assert named == shipped
    recipe = Recipe.read(ROOT / "loadtest/planning/sweep/examples/topics-fp32.yaml")
    for name in named - {"loadtest/planning/sweep/examples/topics-fp32.yaml"}:
        assert read_document(ROOT / name).model == recipe.model == "topics"
