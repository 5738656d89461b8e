"""The sentence that a report begins with, from results whose figures are known."""

from dataclasses import replace
from pathlib import Path

import pytest

from loadtest.arrivals.process import Poisson
from loadtest.report.error_table import error_table
from loadtest.report.headline import headline
from loadtest.report.page import render_html
from loadtest.results.errors import Fault
from loadtest.results.measurement import Generators, GeneratorUse, Measurement
from loadtest.results.outcome import Outcome
from loadtest.results.provenance import Provenance
from loadtest.results.recording import Recording
from loadtest.results.results import Results
from loadtest.results.slo_check import silent_from_s
from loadtest.results.summary import Circumstances, summarize
from loadtest.scenario.loop import ClosedLoop, Loop, OpenLoop
from loadtest.scenario.scenario import Scenario
from loadtest.slo import parse_slo
from loadtest.workload.workload import Target, Workload

GOOD, GONE = Outcome(200, "topics", "1", "", "miss"), Outcome(0, "topics", fault="connection refused")
MACHINE = {"cpu": "c", "cores": 2, "memory_gib": 4.0, "system": "s", "python": "3"}


def ten_a_second(answered_until_s: float, duration_s: int = 10) -> Recording:
    """Ten requests a second of 20 ms each, answered until some second and refused from then on."""
    recording = Recording()
    for number in range(duration_s * 10):
        at_s = number / 10
        recording.offer(at_s)
        recording.start(at_s, at_s)
        recording.end(at_s, at_s, at_s + 0.02, 1, 0, GOOD if at_s < answered_until_s else GONE)
    return recording


def results(
    recording: Recording, slo: str = "", loop: Loop | None = None, problem: str = "", interrupted: bool = False, workers: int = 1
) -> Results:
    scenario = Scenario(
        url="http://h",
        loop=loop or OpenLoop(Poisson(10)),
        workload=Workload(corpus=Path("c"), targets=(Target("topics"),)),
        duration_s=10,
        workers=workers,
    )
    provenance = Provenance("python -m loadtest run", "2026-01-01T00:00:00+00:00", MACHINE)
    around = Circumstances(provenance, slo=parse_slo(slo) if slo else None, problem=problem)
    use = GeneratorUse(0, 0.5, 0.0, recording.requests)
    return summarize(scenario, Measurement(recording, 10.0, Generators((use,), workers - 1), interrupted), around)


@pytest.mark.parametrize(
    ("slo", "sentence", "tone"),
    [
        ("", "Every request was answered, and the load generator kept up.", "good"),
        ("p99<50ms,errors<0.1%", "Holds the SLO p99<50ms,errors<0.1%, and the load generator kept up.", "good"),
        ("p97<25ms", "Holds the SLO p97<25ms, and the load generator kept up.", "good"),
        ("p99<10ms", "Misses the SLO p99<10ms (p99<10ms: 20.02 ms); the load generator kept up.", "bad"),
    ],
)
def test_a_whole_run_is_held_against_its_slo(slo: str, sentence: str, tone: str) -> None:
    assert headline(results(ten_a_second(10), slo)) == (sentence, tone)


def test_a_closed_loop_has_no_pace_to_keep() -> None:
    assert headline(results(ten_a_second(10), loop=ClosedLoop(2))).sentence == "Every request was answered."


def test_a_gateway_that_dies_is_told_with_the_second() -> None:
    found = results(ten_a_second(7))
    assert silent_from_s(found.series) == 7
    assert headline(found) == ("Nothing was answered after second 7 of 10.", "bad")
    with_slo = headline(results(ten_a_second(7), "errors<1%"))
    assert with_slo.sentence == "Misses the SLO errors<1%: Nothing was answered after second 7 of 10."


def test_a_last_request_that_fails_is_no_death() -> None:
    found = results(ten_a_second(9.85))
    assert silent_from_s(found.series) is None
    assert headline(found) == ("1 of 100 requests got no good answer, and the load generator kept up.", "bad")


def test_dropped_requests_miss_an_slo_on_errors() -> None:
    recording = ten_a_second(10)
    for _ in range(3):
        recording.drop(5.0)
    assert headline(results(recording, "errors<1%")).sentence.startswith("Misses the SLO errors<1% (errors<1%: 2.91 %)")


def test_a_run_ended_by_hand_holds_for_as_long_as_it_ran() -> None:
    sentence, tone = headline(results(ten_a_second(10), "p99<50ms", interrupted=True))
    assert sentence == "Holds the SLO p99<50ms, and the load generator kept up, until it was ended by hand after 10.0 of 10 s."
    assert tone == "warn"


def test_a_generator_that_was_behind_or_lost_says_nothing_of_the_system() -> None:
    late = ten_a_second(10)
    for _ in range(5):
        late.start(1.0, 1.5, behind=True)
    assert "could not keep up" in headline(results(late, "p99<50ms")).sentence
    assert headline(results(ten_a_second(10), workers=3)) == ("2 of 3 load generators were lost, with what they saw.", "bad")


def test_errors_that_differ_in_numbers_only_are_one_row() -> None:
    faults = [Fault(429, "64 texts wait, at most 64 may", 5), Fault(503, "not ready", 7), Fault(429, "101 texts wait, at most 99 may", 4)]
    assert error_table(faults) == [(429, "… texts wait, at most … may", 9), (503, "not ready", 7)]
    assert error_table(faults[:1]) == [(429, "64 texts wait, at most 64 may", 5)]


def test_nothing_at_all_is_a_report_too() -> None:
    nothing = results(Recording(), "p99<50ms", problem="The load generator failed with exit status 3.")
    page = render_html(nothing)
    assert headline(nothing).tone == "bad"
    assert "Cannot tell whether the SLO p99&lt;50ms is held: The load generator failed with exit status 3." in page
    assert "NaN" not in page
    never_began = replace(nothing, elapsed_s=0.0, series=[])
    assert "<svg" not in render_html(never_began)
    refused = results(ten_a_second(0))
    assert headline(refused).sentence == "Not one of 100 requests was answered well."
    assert Results.from_dict(refused.to_dict()) == refused
