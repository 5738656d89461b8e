import json
import re
from pathlib import Path

import pytest
from markupsafe import escape

from loadtest.arrivals.process import Poisson
from loadtest.generator.connections import Response
from loadtest.generator.judge import judge
from loadtest.generator.wire import WireRequest
from loadtest.report.headline import headline
from loadtest.report.page import render_html
from loadtest.results import encoding
from loadtest.results.figures import milliseconds
from loadtest.results.measurement import Generators, GeneratorUse, Measurement
from loadtest.results.outcome import Outcome, count_hits, describe_no_answer
from loadtest.results.provenance import Provenance
from loadtest.results.recording import Recording
from loadtest.results.results import Results
from loadtest.results.summary import Circumstances, summarize
from loadtest.results.verdict import cautions, verdict
from loadtest.scenario.loop import ClosedLoop, OpenLoop
from loadtest.scenario.scenario import Scenario
from loadtest.workload.dialects import BY_NAME
from loadtest.workload.workload import Target, Workload

WORKLOAD = Workload(corpus=Path("c.jsonl"), targets=(Target("topics"),), repeat=0.5)
SCENARIO = Scenario(
    url="http://10.0.0.1:8080",
    loop=ClosedLoop(4),
    workload=WORKLOAD,
    duration_s=10,
    headers={"Authorization": "Bearer hunter2"},
)
MACHINE: dict[str, str | int | float] = {"cpu": "c", "cores": 2, "memory_gib": 4.0, "system": "s", "python": "3"}
AROUND = Circumstances(Provenance("python -m loadtest run", "2026-01-01T00:00:00+00:00", MACHINE), 3.6)
ONE, TWO = Outcome(200, "topics", "1", "control", "hit"), Outcome(200, "topics", "2", "treatment", "miss")
SHED = Outcome(429, "topics", fault="too many <b>requests</b> are waiting")
GONE = Outcome(0, "topics", fault="connection refused")


def ended(recording: Recording, ended_s: float, latency_ms: float, texts: int, repeats: int, outcome: Outcome, times: int = 1) -> None:
    started_s = ended_s - latency_ms / 1e3
    for _ in range(times):
        recording.offer(started_s)
        recording.start(started_s, started_s)
        recording.end(started_s, started_s, ended_s, texts, repeats, outcome)


def good(recording: Recording, hits_of_one: bool = True, hits_of_two: bool = False) -> Recording:
    """100 good answers in 10 s, one each 0.1 s.

    Version 1 answers from the cache in 1 ms, and is sent repeats; version 2 computes for 3 ms.
    """
    for number in range(100):
        from_cache = hits_of_one if number % 2 else hits_of_two
        outcome = (ONE if number % 2 else TWO)._replace(cache="hit" if from_cache else "miss")
        ended(recording, number / 10 + 0.005, 1.0 if number % 2 else 3.0, 1, number % 2, outcome)
    return recording


def seen() -> Recording:
    """The good answers, then ten failures."""
    recording = good(Recording())
    ended(recording, 9.95, 500.0, 1, 0, SHED, 8)
    ended(recording, 9.99, 0.1, 1, 0, GONE, 2)
    return recording


def results(recording: Recording | None = None, scenario: Scenario = SCENARIO, cpu: float = 0.5, interrupted: bool = False) -> Results:
    recording = seen() if recording is None else recording
    use = GeneratorUse(0, cpu, 0.0, recording.requests)
    return summarize(scenario, Measurement(recording, 10.0, Generators((use,)), interrupted), AROUND)


def test_rates_and_latencies_are_of_good_answers() -> None:
    found = results()
    assert (found.requests.ended, found.requests.failed, found.throughput.answered_rps) == (110, 10, 10.0)
    latency_ms = found.latency.summary_ms
    assert latency_ms is not None
    assert latency_ms["p50"] == pytest.approx(1.0, rel=2e-3)
    assert latency_ms["p95"] == latency_ms["max"] == pytest.approx(3.0, rel=2e-3)
    assert found.latency.behind["p50"] == 51
    assert found.latency.behind["p99"] == 2
    assert found.hits.rate == 0.5
    assert found.hits.repeats_sent == pytest.approx(50 / 110)
    assert found.answers_by_version == {"1": 50, "2": 50}
    assert found.costs.usd_per_million == pytest.approx(100.0)
    assert found.requests.error_share == pytest.approx(10 / 110)


def test_groups_and_errors_are_told_apart() -> None:
    found = results()
    assert [(g.version, g.variant, g.requests, g.cache_hit_rate) for g in found.groups] == [
        ("1", "control", 50, 1.0),
        ("2", "treatment", 50, 0.0),
    ]
    assert [(fault.status, fault.requests) for fault in found.errors] == [(429, 8), (0, 2)]
    assert found.to_dict()["errors_by_status"] == {"429": 8, "0": 2}


def test_slices_cover_the_run_and_add_up() -> None:
    series = results().series
    assert [part.start_s for part in series] == list(range(10))
    assert sum(part.answered for part in series) == 100
    assert sum(part.offered for part in series) == sum(part.started for part in series) == 110
    assert [part.failed for part in series] == [0] * 9 + [10]
    for part in series:
        assert part.p50_ms == pytest.approx(1.0, rel=0.02)
        assert part.p99_ms == pytest.approx(3.0, rel=0.02)
        assert part.cache_hit_rate == 0.5


def test_a_batch_counts_its_texts() -> None:
    recording = Recording()
    ended(recording, 1.0, 5.0, 4, 3, Outcome(200, "topics", "1", "", "partial"), 10)
    found = results(recording, Scenario(url="http://h", loop=ClosedLoop(1), workload=WORKLOAD, duration_s=10))
    assert (found.throughput.answered_rps, found.throughput.texts_per_s, found.hits.rate) == (1.0, 4.0, 0.75)
    assert found.costs.usd_per_million == pytest.approx(250.0)


def test_nothing_answered_is_reported_without_figures() -> None:
    recording = Recording()
    ended(recording, 1.0, 0.2, 1, 0, GONE, 3)
    found = results(recording)
    assert (found.requests.ended, found.requests.failed, found.throughput.answered_rps) == (3, 3, 0)
    assert found.latency.summary_ms is found.hits.rate is found.costs.usd_per_million is None
    assert "Not one of 3" in verdict(found)
    assert "connection refused" in render_html(found)


def test_results_survive_json() -> None:
    found = results()
    assert Results.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    with pytest.raises(ValueError, match="schema version 1"):
        Results.from_dict({**found.to_dict(), "schema_version": 1})


def test_the_report_says_what_speaks_against_it() -> None:
    said = " ".join(cautions(results()))
    assert "10 requests (9.1%) failed" in said
    assert cautions(results(good(Recording()))) == []
    assert "the cache is off" in cautions(results(good(Recording(), hits_of_one=False)))[0]
    assert "already seen" in cautions(results(good(Recording(), hits_of_two=True)))[0]
    busy = results(good(Recording()), cpu=0.97, interrupted=True)
    assert ["by hand" in caution or "97%" in caution for caution in cautions(busy)] == [True, True]


def test_a_generator_that_was_not_in_time_says_so_first() -> None:
    scenario = Scenario(url="http://h", loop=OpenLoop(Poisson(10)), workload=WORKLOAD, duration_s=10)
    recording = good(Recording())
    assert results(recording, scenario).kept_up
    for _ in range(5):
        recording.start(1.0, 1.5, behind=True)
    found = results(recording, scenario)
    assert not found.kept_up
    assert verdict(found).startswith("The generator could not keep up")
    assert "started 5 requests more than 10 ms late by its own fault" in " ".join(cautions(found))


def test_dropped_and_late_requests_are_told() -> None:
    scenario = Scenario(url="http://h", loop=OpenLoop(Poisson(10), max_in_flight=3, max_late_s=1.5), workload=WORKLOAD, duration_s=10)
    recording = good(Recording())
    recording.start(1.0, 2.0, late=True)
    recording.drop(1.0)
    found = results(recording, scenario)
    said = " ".join(cautions(found))
    assert "1 request was dropped, not having started within 1.5 s" in said
    assert "1 request started late, since 3 were in flight" in said
    assert found.requests.error_share == pytest.approx(1 / 101)
    assert [part.late + part.dropped for part in found.series] == [0, 2, *[0] * 8]


def test_the_page_needs_nothing_else_and_escapes_what_servers_say() -> None:
    for scenario in (SCENARIO, Scenario(url="http://h", loop=OpenLoop(Poisson(10)), workload=WORKLOAD, duration_s=10)):
        page = render_html(results(scenario=scenario))
        assert re.findall(r"""(?:src|href)\s*=|url\(|@import|<script|<link|<img""", page) == []
        assert "<b>requests</b>" not in page
        assert "too many &lt;b&gt;requests" in page
        assert page.count("<svg") == 5
        assert "NaN" not in page
        assert f"{scenario.loop.kind} loop" in page
        assert str(escape(verdict(results(scenario=scenario)))) in page
        assert str(escape(headline(results(scenario=scenario)).sentence)) in page


def test_headers_stay_out_of_the_report() -> None:
    assert "hunter2" not in json.dumps(results().to_dict()) + render_html(results())


def test_recordings_survive_json_and_add_up() -> None:
    once, twice = seen(), seen()
    once.compact(8.0)
    values = json.loads(json.dumps(encoding.to_dict(once)))
    assert encoding.to_dict(encoding.from_dict(values)) == values
    twice.add(encoding.from_dict(values))
    both = good(seen())
    ended(both, 9.95, 500.0, 1, 0, SHED, 8)
    ended(both, 9.99, 0.1, 1, 0, GONE, 2)
    assert encoding.to_dict(twice) == encoding.to_dict(both)


@pytest.mark.parametrize(
    ("status", "content", "fault"),
    [
        (200, b'{"predictions": [{"label": "a", "score": 1}]}', ""),
        (200, b'{"predictions": []}', "the answer does not hold one prediction for each text"),
        (200, b"<html>", "the answer is not JSON"),
        (200, b"[1]", "the answer does not hold one prediction for each text"),
        (503, b'{"error": "not ready"}', "not ready"),
        (503, b'{"error": {"message": "not ready"}}', "not ready"),
        (502, b"\xff", "status 502"),
    ],
)
def test_an_answer_is_good_only_when_it_is_the_answer(status: int, content: bytes, fault: str) -> None:
    response = Response(status, {"X-Model-Version": "2", "X-Variant": "treatment", "X-Cache": "hit"}, content)
    request = WireRequest(b"", "topics", texts=1, repeats=0)
    assert judge(BY_NAME["kserve-v1"], request, response) == Outcome(status, "topics", "2", "treatment", "hit", fault)


def test_no_answer_is_described() -> None:
    assert describe_no_answer(ConnectionRefusedError()).fault == "connection refused"
    assert describe_no_answer(TimeoutError("x")).fault == "timed out"
    assert describe_no_answer(OSError("broken pipe")) == Outcome(0, fault="broken pipe")


@pytest.mark.parametrize(
    ("cache", "texts", "repeats", "hits"),
    [
        ("hit", 8, 2, 8),
        ("stale", 8, 2, 8),
        ("miss", 8, 2, 0),
        ("bypass", 8, 2, 0),
        ("", 8, 2, 0),
        ("partial", 8, 2, 2),
        ("partial", 8, 0, 1),
        ("partial", 8, 8, 7),
    ],
)
def test_hits_are_counted_by_text(cache: str, texts: int, repeats: int, hits: int) -> None:
    assert count_hits(cache, texts, repeats) == hits


def test_milliseconds_keep_three_digits() -> None:
    assert [milliseconds(value) for value in (0.123, 9.876, 12.34, 1234.5)] == ["0.12 ms", "9.88 ms", "12.3 ms", "1,234 ms"]
