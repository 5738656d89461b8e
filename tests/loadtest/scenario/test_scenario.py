import argparse
import json
from pathlib import Path

import pytest

from loadtest.arrivals.process import Poisson, Spike, Step, Trace
from loadtest.scenario.loop import ClosedLoop, OpenLoop
from loadtest.scenario.scenario import Scenario, ScenarioError
from loadtest.verbs.scenario_flags import add_scenario_flags, scenario_from
from loadtest.workload.workload import BatchSize, LengthBand, Target, Workload, Zipf

YAML = """
url: http://gateway:8080
loop: {kind: open, arrivals: {process: spike, rate_rps: 50, peak_rps: 400, at_s: 10, for_s: 5}, max_in_flight: 200}
duration_s: 30
workload:
  corpus: texts.jsonl
  targets: [{model: topics, weight: 3}, {model: topics, version: 2}]
  dialect: open-inference
  zipf: {exponent: 1.1}
  batch_sizes: [{texts: 1, weight: 0.9}, {texts: 8, weight: 0.1}]
"""


def scenario(*flags: str) -> Scenario:
    parser = argparse.ArgumentParser()
    add_scenario_flags(parser)
    return scenario_from(parser.parse_args(flags))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "spike.yaml"
    path.write_text(YAML)
    return path


def test_a_file_says_it_all(file: Path) -> None:
    read = scenario("--scenario", str(file), "--salt", "s")
    assert read == Scenario(
        url="http://gateway:8080",
        loop=OpenLoop(Spike(50, 400, 10, 5), max_in_flight=200),
        duration_s=30,
        salt="s",
        workload=Workload(
            corpus=file.parent / "texts.jsonl",
            targets=(Target("topics", weight=3), Target("topics", 2)),
            dialect="open-inference",
            zipf=Zipf(1.1),
            batch_sizes=(BatchSize(1, 0.9), BatchSize(8, 0.1)),
        ),
    )
    assert Scenario.from_dict(json.loads(json.dumps(read.to_dict()))) == read


def test_flags_override_the_file(file: Path) -> None:
    read = scenario("--scenario", str(file), "--rate", "70", "--duration", "5", "--model", "other@3", "--batch-size", "2", "--workers", "2")
    assert read.loop == OpenLoop(Poisson(70), max_in_flight=200)
    assert (read.duration_s, read.workers) == (5, 2)
    assert read.workload.targets == (Target("other", 3),)
    assert read.workload.batch_sizes == (BatchSize(2),)
    assert read.workload.zipf == Zipf(1.1)
    assert scenario("--scenario", str(file), "--users", "4").loop == ClosedLoop(4)
    assert scenario("--scenario", str(file), "--max-late", "1").loop == OpenLoop(Spike(50, 400, 10, 5), max_in_flight=200, max_late_s=1)


def test_flags_alone_say_it_all(tmp_path: Path) -> None:
    trace = str(tmp_path / "t.jsonl")
    needed = ("--url", "http://h/", "--corpus", "c", "--duration", "1")
    read = scenario(
        *needed, "--model", "a=3", "--model", "b@2", "--arrivals", f"trace:{trace}", "--speed", "4", "--lengths", "1-9:0.5,10-99:0.5"
    )
    assert read.loop == OpenLoop(Trace(Path(trace), speed=4))
    assert read.workload.trace == Path(trace)
    assert read.workload.targets == (Target("a", weight=3), Target("b", 2))
    assert read.workload.lengths == (LengthBand(1, 9, 0.5), LengthBand(10, 99, 0.5))
    assert read.url == "http://h"
    assert read.salt
    assert scenario(*needed, "--model", "a", "--arrivals", "step:rates_rps=5/6").loop == OpenLoop(Step((5, 6)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("durations_s: 3", "durations_s is no field; there are url, loop, workload"),
        ("duration_s: soon", "duration_s must be a number, not 'soon'"),
        ("workers: 1.5", "workers must be a whole number"),
        ("loop: {kind: ajar}", "loop.kind must be one of closed, open"),
        ("loop: {kind: open}", "loop.arrivals is missing"),
        ("loop: {kind: open, arrivals: {process: bursty}}", "loop.arrivals.process must be one of constant, poisson"),
        ("loop: {kind: open, arrivals: {process: poisson, rate_rps: -1}}", "loop.arrivals: rate_rps must be more than 0"),
        ("workload: {corpus: c, targets: []}", "workload: targets must be at least one model"),
        ("workload: {corpus: c, targets: [{model: 3}]}", r"workload.targets\[0\].model must be text, not 3"),
        ("workload: {corpus: c, targets: [{model: m}], zipf: {exponent: -1}}", "workload.zipf: zipf.exponent must be 0 or more"),
        ("workload: {corpus: c, targets: [{model: m}], dialect: smoke}", "dialect must be one of kserve-v1"),
        ("workload: {corpus: c, targets: [{model: m, version: 1}], dialect: tei-embed}", "TEI's dialect cannot ask for one"),
        ("workload: nothing", "workload must be a mapping"),
        ("url: ftp://h", "url must be like http://HOST:PORT"),
        ("loop: {kind: closed, users: 1}\nworkers: 2", "users must be at least as many as workers"),
        ("[1]", "must be a mapping with url, loop"),
        ("a: [", "not YAML"),
    ],
)
def test_a_wrong_field_is_named(file: Path, change: str, said: str) -> None:
    name = change.partition(":")[0]
    kept = [part for part in YAML.split("\n") if not part.startswith(f"{name}:") and not (name == "workload" and part.startswith("  "))]
    file.write_text(change if change.startswith(("[", "a: [")) else "\n".join(kept) + f"\n{change}\n")
    with pytest.raises(ScenarioError, match=said):
        scenario("--scenario", str(file))


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ScenarioError, match="--url, --duration, --model, --corpus, --users or --rate"):
        scenario()
    with pytest.raises(ScenarioError, match="--users is a closed loop"):
        scenario("--users", "1", "--rate", "5")
    with pytest.raises(ScenarioError, match="absent"):
        scenario("--scenario", "/absent.yaml")
