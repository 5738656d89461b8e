"""Verdict, page, JSON and exit status of a search say the same, whatever ended it."""

from pathlib import Path

import pytest

from loadtest.arrivals.process import Poisson
from loadtest.planning.search.bounds import Bounds
from loadtest.planning.search.edge import Edge, Estimate
from loadtest.planning.search.search import Found, Outcome
from loadtest.planning.search.search_json import search_json
from loadtest.planning.search.summary import SearchSummary, summarize_search
from loadtest.planning.search.trial import Trial
from loadtest.report.search_page import render_search
from loadtest.results.provenance import Provenance
from loadtest.results.summary import Circumstances
from loadtest.scenario.loop import OpenLoop
from loadtest.scenario.scenario import Scenario
from loadtest.slo import parse_slo
from loadtest.verbs.search import exit_status
from loadtest.workload.workload import Target, Workload

EDGE = Edge(Estimate(100.0, 90.0, 110.0), Estimate(80.0, 70.0, 90.0))
BOTH = (Trial(80, passed=True, kept_up=True), Trial(120, passed=False, kept_up=True, misses=("p99<50ms: 70 ms",)))
PASSED, MISSED = BOTH[:1], (Trial(120, passed=False, kept_up=True, misses=("p99<50ms: 70 ms",)),) * 2
BUSY = (Trial(160, passed=False, kept_up=True, disturbed=True),)
LATE = (Trial(80, passed=True, kept_up=True), Trial(160, passed=False, kept_up=False))
MACHINE = {"cpu": "a cpu", "cores": 2, "memory_gib": 4, "system": "a system", "python": "3.11"}


def summary_of(found: Found, least_rps: float | None) -> SearchSummary:
    workload = Workload(corpus=Path("c"), targets=(Target("m"),))
    scenario = Scenario(url="http://h", loop=OpenLoop(Poisson(10)), workload=workload, duration_s=10)
    around = Circumstances(Provenance("search", "", MACHINE))
    return summarize_search(found, parse_slo("p99<50ms"), Bounds(), scenario, around, 2.0, least_rps)


def tone_of(summary: SearchSummary) -> str:
    return render_search(summary).partition('<h1 class="')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("outcome", "trials", "edge", "status", "tone"),
    [
        ("found", BOTH, EDGE, 0, "good"),
        ("ceiling", PASSED, None, 0, "good"),
        ("most_trials", BOTH, EDGE, 0, "warn"),
        ("most_trials", PASSED, None, 3, "warn"),
        ("lowest_fails", MISSED, None, 1, "bad"),
        ("contention", PASSED + BUSY, None, 3, "warn"),
        ("contention", BOTH + BUSY, EDGE, 3, "warn"),
        ("generator", LATE, None, 3, "warn"),
        ("broken", BOTH, EDGE, 3, "warn"),
        ("interrupted", PASSED, None, 130, "warn"),
    ],
)
def test_a_search_that_cannot_tell_is_amber_and_has_a_status_of_its_own(
    outcome: Outcome, trials: tuple[Trial, ...], edge: Edge | None, status: int, tone: str
) -> None:
    found = Found(outcome, trials, edge, reason="No answer." if outcome == "broken" else "")
    summary = summary_of(found, None)
    assert (exit_status(found, None, by_slo=True), tone_of(summary)) == (status, tone)
    assert search_json(summary)["fail_below"] is None


@pytest.mark.parametrize(
    ("outcome", "trials", "edge", "least_rps", "judged"),
    [
        ("found", BOTH, EDGE, 90, "held"),
        ("found", BOTH, EDGE, 100, "unknown"),
        ("found", BOTH, EDGE, 111, "missed"),
        # the interval holds for the trials that were made, whatever ended the search
        ("most_trials", BOTH, EDGE, 85, "held"),
        ("contention", BOTH + BUSY, EDGE, 85, "held"),
        ("broken", BOTH, EDGE, 120, "missed"),
        ("most_trials", PASSED, None, 50, "unknown"),
        ("contention", PASSED + BUSY, None, 50, "unknown"),
        ("ceiling", PASSED, None, 80, "held"),
        ("ceiling", PASSED, None, 81, "unknown"),
        ("lowest_fails", MISSED, None, 120, "missed"),
        ("lowest_fails", MISSED, None, 100, "unknown"),
    ],
)
def test_fail_below_is_judged_by_the_interval(
    outcome: Outcome, trials: tuple[Trial, ...], edge: Edge | None, least_rps: float, judged: str
) -> None:
    found = Found(outcome, trials, edge, reason="No answer." if outcome == "broken" else "")
    summary = summary_of(found, least_rps)
    status, words, tone = {"held": (0, "Passed", "good"), "missed": (1, "FAILED", "bad"), "unknown": (3, "CANNOT TELL", "warn")}[judged]
    assert exit_status(found, summary.least_verdict, by_slo=False) == status
    assert summary.verdict.startswith(f"{words} (--fail-below {least_rps}): ")
    assert tone_of(summary) == tone
    assert search_json(summary)["fail_below"] == {"rps": least_rps, "verdict": judged}


def test_an_interrupted_search_ends_as_interrupted_whatever_was_asked() -> None:
    found = Found("interrupted", BOTH, EDGE)
    assert exit_status(found, summary_of(found, 50).least_verdict, by_slo=False) == 130
