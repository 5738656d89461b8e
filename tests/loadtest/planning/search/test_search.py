"""The search against systems whose edge is known.

They are simulated ones by the hundred, and a real server with a scripted capacity.
"""

import json
import math
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from timed import timed

from loadtest.__main__ import main
from loadtest.arrivals.process import Poisson
from loadtest.generator.scripted_process import scripted_server
from loadtest.planning.search.bounds import Bounds, BoundsError
from loadtest.planning.search.edge import locate, pass_probability
from loadtest.planning.search.search import search
from loadtest.planning.search.search_json import search_json
from loadtest.planning.search.summary import summarize_search
from loadtest.planning.search.trial import Trial
from loadtest.planning.search.trials import Trials
from loadtest.results.provenance import Provenance
from loadtest.results.summary import Circumstances
from loadtest.scenario.loop import OpenLoop
from loadtest.scenario.scenario import Scenario
from loadtest.slo import parse_slo
from loadtest.target.client import NoAnswerError
from loadtest.workload.corpus import read_corpus
from loadtest.workload.workload import Target, Workload


def noisy_system(edge_rps: float, width: float, seed: int) -> Callable[[float], Trial]:
    random = Random(seed)
    return lambda rate_rps: Trial(rate_rps, random.random() < pass_probability(rate_rps, edge_rps, width), kept_up=True)


def sharp_system(edge_rps: float) -> Callable[[float], Trial]:
    return lambda rate_rps: Trial(rate_rps, rate_rps <= edge_rps, kept_up=True)


@pytest.mark.parametrize("edge_rps", [11.0, 97.0, 640.0, 12_345.0])
@pytest.mark.parametrize("resolution", [0.05, 0.2])
def test_a_sharp_edge_is_found_within_the_resolution(edge_rps: float, resolution: float) -> None:
    found = search(sharp_system(edge_rps), Bounds(resolution=resolution))
    assert found.outcome == "found"
    assert found.interval_rps is not None
    assert found.rate_rps == pytest.approx(edge_rps, rel=resolution)
    low, high = found.interval_rps
    assert math.sqrt(high / low) - 1 <= resolution
    assert low <= edge_rps <= high
    assert found.best is not None
    assert found.best.rate_rps <= edge_rps


def test_intervals_hold_the_true_edge_as_often_as_they_say() -> None:
    held = held_safely = 0
    searches = 20
    for seed in range(searches):
        width = (0.005, 0.02, 0.05, 0.08)[seed % 4]
        edge_rps = Random(seed).uniform(50, 5000)
        found = search(noisy_system(edge_rps, width, seed), Bounds(resolution=0.1))
        assert found.interval_rps is not None
        assert found.safe_interval_rps is not None
        held += found.interval_rps[0] <= edge_rps <= found.interval_rps[1]
        safe_rps = edge_rps * math.exp(-width * math.log(0.89 / 0.09))
        held_safely += found.safe_interval_rps[0] <= safe_rps <= found.safe_interval_rps[1]
    assert held >= 0.9 * searches
    assert held_safely >= 0.9 * searches


def test_one_stray_failure_far_below_the_edge_does_not_move_it() -> None:
    strays = iter([False])

    def system(rate_rps: float) -> Trial:
        return Trial(rate_rps, next(strays, True) if rate_rps == 40 else rate_rps <= 700, kept_up=True)

    found = search(system, Bounds(first_rps=10, resolution=0.1))
    assert found.outcome == "found"
    assert found.rate_rps == pytest.approx(700, rel=0.1)


def test_a_system_that_fails_at_the_lowest_rate_is_said_to() -> None:
    found = search(lambda rate_rps: Trial(rate_rps, passed=False, kept_up=True), Bounds())
    assert (found.outcome, found.rate_rps, found.best) == ("lowest_fails", None, None)
    assert [trial.rate_rps for trial in found.trials] == [10.0, 10.0]


def test_a_generator_that_does_not_keep_up_ends_the_search_and_its_runs_do_not_count() -> None:
    found = search(lambda rate_rps: Trial(rate_rps, passed=rate_rps < 300, kept_up=rate_rps < 300), Bounds())
    assert (found.outcome, found.edge) == ("generator", None)
    assert [trial.rate_rps for trial in found.trials[-2:]] == [320.0, 320.0]
    assert found.best is not None
    assert found.best.rate_rps == 160


def busy(rate_rps: float, *, passed: bool) -> Trial:
    return Trial(rate_rps, passed, kept_up=True, disturbed=True)


def test_what_is_missed_while_the_machine_is_busy_does_not_count_and_ends_the_search() -> None:
    found = search(lambda rate_rps: busy(rate_rps, passed=rate_rps < 50), Bounds(first_rps=10))
    # a narrow answer of 40 to 80 requests/s would be wrong: nothing says that the system misses 80
    assert (found.outcome, found.edge) == ("contention", None)
    assert [trial.rate_rps for trial in found.trials] == [10, 20, 40, 80, 80, 80]
    assert found.best is not None
    assert found.best.rate_rps == 40
    scenario = Scenario(
        url="http://h", loop=OpenLoop(Poisson(10)), workload=Workload(corpus=Path("c"), targets=(Target("m"),)), duration_s=10
    )
    summary = summarize_search(found, parse_slo("p99<50ms"), Bounds(), scenario, Circumstances(Provenance("search", "", {})), 2.0)
    assert summary.verdict.startswith("The machine was too busy with other work to tell what the system holds at 80.0 requests/s")
    assert "what 3 of them missed does not count" in summary.cautions[-1]
    assert [trial["passed"] for trial in search_json(summary)["trials"]] == [True, True, True, None, None, None]


def test_a_machine_that_is_busy_for_a_moment_does_not_end_the_search() -> None:
    noise = iter([False, True, True])

    def system(rate_rps: float) -> Trial:
        return busy(rate_rps, passed=False) if next(noise, False) else Trial(rate_rps, rate_rps <= 97, kept_up=True)

    found = search(system, Bounds(resolution=0.1))
    assert found.outcome == "found"
    assert found.rate_rps == pytest.approx(97, rel=0.1)


def test_the_highest_rate_is_not_passed() -> None:
    found = search(sharp_system(1e9), Bounds(first_rps=10, most_rps=100))
    assert found.outcome == "ceiling"
    assert [trial.rate_rps for trial in found.trials] == [10, 20, 40, 80, 100]


def test_no_more_trials_are_made_than_allowed() -> None:
    found = search(noisy_system(200, 0.1, 3), Bounds(resolution=0.01, most_trials=9))
    assert (found.outcome, len(found.trials)) == ("most_trials", 9)
    assert found.rate_rps is not None


def test_what_was_found_stays_when_the_search_is_interrupted_or_the_gateway_goes_away() -> None:
    for error, outcome in ((KeyboardInterrupt(), "interrupted"), (NoAnswerError("No answer."), "broken")):
        left = iter(range(8))

        def system(rate_rps: float, left: Any = left, error: BaseException = error) -> Trial:
            if next(left, None) is None:
                raise error
            return Trial(rate_rps, rate_rps <= 100, kept_up=True)

        found = search(system, Bounds())
        assert (found.outcome, len(found.trials)) == (outcome, 8)
        assert found.rate_rps == pytest.approx(100, rel=0.3)


def test_a_gateway_that_was_never_there_is_an_error() -> None:
    def system(rate_rps: float) -> Trial:
        raise NoAnswerError("No answer.")

    with pytest.raises(NoAnswerError):
        search(system, Bounds())


def test_more_trials_make_the_interval_narrower() -> None:
    few = [Trial(100, passed=True, kept_up=True), Trial(120, passed=False, kept_up=True)]
    assert locate(few * 5).half.half_width < locate(few).half.half_width / 2


@pytest.mark.parametrize(
    "wrong", [{"first_rps": 0}, {"resolution": 0}, {"resolution": 0.9}, {"most_rps": 1}, {"most_trials": 1}, {"first_rps": math.inf}]
)
def test_impossible_bounds_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BoundsError):
        Bounds(**wrong)


def arguments(url: str, corpus: Path, report: Path, *more: str, slo: str = "p99<120ms,errors<0.1%") -> list[str]:
    needed = ["--url", url, "--model", "topics", "--corpus", str(corpus), "--repeat", "0", "--warm-up", "0", "--report", str(report)]
    # other tests may run meanwhile
    return ["search", "--slo", slo, *needed, "--shared-machine", *more]


@timed
@pytest.mark.integration
def test_the_capacity_of_a_real_server_is_found(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # four workers of 40 ms carry 100 requests a second, and p99 leaves the SLO shortly before
    with scripted_server(latencies_ms=[[40, 1]], workers=4) as url:
        more = ("--duration", "1.5", "--first-rate", "60", "--resolution", "0.2", "--most-trials", "5")
        status = main(arguments(url, corpus, tmp_path, *more, slo="p99<240ms,errors<0.1%"))
    assert status == 0
    found = json.loads((tmp_path / "search.json").read_text())
    assert found["schema"] == "headrace-search/1"
    assert found["rate"]["low_rps"] <= 100
    assert found["rate"]["rps"] == pytest.approx(95, rel=0.2)
    assert found["best"]["latency_ms"]["p99"] < 240
    said = capsys.readouterr()
    assert said.out.startswith(found["verdict"])
    assert len([line for line in said.err.splitlines() if not line.startswith("  …")]) == len(found["trials"])
    part = json.loads((tmp_path / "profile.json").read_text())
    # half of the runs miss the SLO at the rate itself: a plan is made with what nine of ten keep
    ceiling = {"slo": "p99<240ms,errors<0.1%", "texts_per_s": pytest.approx(found["safe_rate"]["low_rps"])}
    assert part["triton"]["texts_per_s_within_slo"] == ceiling


@timed
@pytest.mark.integration
def test_no_trial_sends_what_another_sent(gateway: Any, corpus: Path) -> None:
    workload = Workload(corpus=corpus, targets=(Target("topics"),), repeat=0.0)
    scenario = Scenario(url=gateway.url, loop=OpenLoop(Poisson(1)), workload=workload, duration_s=0.3)
    trials = Trials(
        scenario, read_corpus(corpus), parse_slo("p99<1s"), Circumstances(Provenance("search", "", {})), warm_up_s=0.2, shared_machine=True
    )
    assert [trials(120.0).passed for _ in range(2)] == [True, True]
    sent = [text for body in gateway.bodies for text in body["instances"]]
    assert len(sent) > 60
    assert len(set(sent)) == len(sent)


@timed
@pytest.mark.integration
def test_a_server_that_is_always_too_slow_fails_plainly(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with scripted_server(latencies_ms=[[80, 1]]) as url:
        status = main(arguments(url, corpus, tmp_path, "--duration", "0.5", "--first-rate", "40", slo="p99<50ms"))
    assert status == 1
    said = r"p99<50ms is not kept at the lowest rate that was tried, 40\.0 requests/s \(p99<50ms: ([\d.]+) ms\)"
    assert (found := re.match(said, capsys.readouterr().out))
    assert float(found[1]) >= 80
    assert json.loads((tmp_path / "search.json").read_text())["rate"] is None


@pytest.mark.integration
def test_a_generator_that_is_too_slow_says_nothing_of_the_system(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with scripted_server() as url:
        status = main(arguments(url, corpus, tmp_path, "--duration", "0.5", "--first-rate", "40000", "--max-late", "0.2"))
    assert status == 1
    said = capsys.readouterr()
    assert said.out.startswith("The generator could not keep up at 40,000 requests/s")
    assert "so that nothing is known of the system there" in said.out
    assert "says nothing of the system" in said.err


@timed
@pytest.mark.integration
def test_an_interrupted_search_leaves_what_it_found(corpus: Path, tmp_path: Path) -> None:
    with scripted_server(latencies_ms=[[5, 1]]) as url:
        argv = [sys.executable, "-u", "-m", "loadtest", *arguments(url, corpus, tmp_path, "--duration", "1", "--first-rate", "50")]
        with subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            # a trial that takes long shows its progress first
            trial = next(line for line in process.stderr if not line.startswith("  …"))
            os.kill(process.pid, signal.SIGINT)
            out, _ = process.communicate(timeout=60)
    assert "keeps" in trial
    assert process.returncode == 130
    found = json.loads((tmp_path / "search.json").read_text())
    assert found["outcome"] == "interrupted"
    assert len(found["trials"]) >= 1
    assert "ended by hand after" in out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--rate", "5"), "--rate is not for a search"),
        (("--users", "5"), "--users is not for a search"),
        (("--arrivals", "constant"), "--arrivals is not for a search"),
        (("--first-rate", "0"), "more than 0"),
        (("--first-rate", "1"), "at least 20 requests"),
        (("--resolution", "2"), "from 0.005 to 0.5"),
        (("--warm-up", "-1"), "--warm-up must not be negative"),
        (("--slo", "p99>1ms"), "is no objective"),
    ],
)
def test_a_bad_argument_is_named(
    more: tuple[str, ...], said: str, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments("http://127.0.0.1:9", corpus, tmp_path, *more))
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
