import json
import re
from pathlib import Path

import pytest

from loadtest.outcome import count_hits, describe_no_answer, read_outcome
from loadtest.plan import Plan
from loadtest.report import render_html
from loadtest.results import Circumstances, Results, summarize
from loadtest.samples import Outcome, Sample, Samples
from loadtest.verdict import cautions, milliseconds, verdict

PLAN = Plan("http://10.0.0.1:8080", "topics", 4, 10, Path("c.jsonl"), repeat=0.5, headers={"Authorization": "Bearer hunter2"})
AROUND = Circumstances(
    "python -m loadtest run", "2026-01-01T00:00:00+00:00", {"cpu": "c", "cores": 2, "memory_gib": 4.0, "system": "s", "python": "3"}, 3.6
)
ONE, TWO = Outcome(200, "1", "control", "hit"), Outcome(200, "2", "treatment", "miss")
SHED = Outcome(429, fault="too many <b>requests</b> are waiting")
GONE = Outcome(0, fault="connection refused")


def samples() -> list[Sample]:
    """100 good answers in 10 s, one each 0.1 s; version 1 always from the cache in 1 ms, version 2 never, in 3 ms; then 10 failures."""
    good = [Sample(number / 10, 1.0, 1, 1, ONE) if number % 2 else Sample(number / 10, 3.0, 0, 0, TWO) for number in range(100)]
    return good + [Sample(9.95, 500.0, 0, 0, SHED)] * 8 + [Sample(9.99, 0.1, 0, 0, GONE)] * 2


def results(seen: list[Sample] | None = None, plan: Plan = PLAN) -> Results:
    return summarize(plan, samples() if seen is None else seen, 10.0, 0.5, AROUND)


def test_rates_and_latencies_are_of_good_answers() -> None:
    found = results()
    assert (found.requests, found.failures, found.throughput_rps) == (110, 10, 10.0)
    assert found.latency_ms is not None
    assert (found.latency_ms["p50"], found.latency_ms["p95"], found.latency_ms["max"]) == (1.0, 3.0, 3.0)
    assert found.cache_hit_rate == 0.5
    assert found.sent_repeats == pytest.approx(50 / 110)
    assert found.variants == {"1": 50, "2": 50}
    assert found.usd_per_million == pytest.approx(100.0)


def test_groups_and_errors_are_told_apart() -> None:
    found = results()
    assert [(g.version, g.variant, g.requests, g.cache_hit_rate) for g in found.groups] == [
        ("1", "control", 50, 1.0),
        ("2", "treatment", 50, 0.0),
    ]
    assert [(fault.status, fault.requests) for fault in found.errors] == [(429, 8), (0, 2)]
    assert found.errors_by_status == {"429": 8, "0": 2}


def test_slices_cover_the_run_and_add_up() -> None:
    series = results().series
    assert len(series) == 10
    assert sum(part.throughput_rps for part in series) == pytest.approx(100)
    assert [part.failures_per_s for part in series] == [0] * 9 + [10]
    assert all(part.p50_ms == 1.0 and part.p99_ms == 3.0 and part.cache_hit_rate == 0.5 for part in series)


def test_a_batch_counts_its_texts() -> None:
    plan = Plan("http://h", "topics", 1, 10, Path("c"), batch_size=4)
    found = results([Sample(1.0, 5.0, 3, 3, Outcome(200, "1", "", "partial"))] * 10, plan)
    assert (found.throughput_rps, found.texts_per_s, found.cache_hit_rate) == (1.0, 4.0, 0.75)
    assert found.usd_per_million == pytest.approx(250.0)


def test_nothing_answered_is_reported_without_figures() -> None:
    found = results([Sample(1.0, 0.2, 0, 0, GONE)] * 3)
    assert (found.requests, found.failures, found.throughput_rps) == (3, 3, 0)
    assert found.latency_ms is found.cache_hit_rate is found.usd_per_million is None
    assert "Not one of 3" in verdict(found)
    assert "connection refused" in render_html(found)


def test_results_survive_json() -> None:
    found = results()
    assert Results.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_the_report_says_what_speaks_against_it() -> None:
    said = " ".join(cautions(results()))
    assert "10 requests (9.1%) failed" in said
    assert cautions(results(samples()[:100])) == []
    cold = [sample._replace(hits=0) for sample in samples()[:100]]
    assert "the cache is off" in cautions(results(cold))[0]
    warm = [sample._replace(hits=1) for sample in samples()[:100]]
    assert "already seen" in cautions(results(warm))[0]
    busy = summarize(PLAN, samples()[:100], 10.0, 0.97, AROUND, interrupted=True)
    assert ["by hand" in caution or "97%" in caution for caution in cautions(busy)] == [True, True]


def test_the_page_needs_nothing_else_and_escapes_what_servers_say() -> None:
    page = render_html(results())
    assert re.findall(r"""(?:src|href)\s*=|url\(|@import|<script|<link|<img""", page) == []
    assert "<b>requests</b>" not in page
    assert "too many &lt;b&gt;requests" in page
    assert page.count("<svg") == 4
    assert "NaN" not in page
    assert verdict(results()).replace("'", "&#39;") in page


def test_headers_stay_out_of_the_report() -> None:
    assert "hunter2" not in json.dumps(results().to_dict()) + render_html(results())


def test_samples_survive_their_file(tmp_path: Path) -> None:
    kept = Samples()
    for sample in samples():
        kept.add(sample)
    with (tmp_path / "samples").open("wb") as file:
        kept.write(file)
    assert list(Samples.read(tmp_path / "samples")) == samples()


@pytest.mark.parametrize(
    ("status", "content", "fault"),
    [
        (200, b'{"predictions": [{"label": "a", "score": 1}]}', ""),
        (200, b'{"predictions": []}', "the answer does not hold one prediction for each text"),
        (200, b"<html>", "the answer does not hold one prediction for each text"),
        (200, b"[1]", "the answer does not hold one prediction for each text"),
        (503, b'{"error": "not ready"}', "not ready"),
        (502, b"\xff", "status 502"),
    ],
)
def test_an_answer_is_good_only_when_it_is_the_answer(status: int, content: bytes, fault: str) -> None:
    headers = {"X-Model-Version": "2", "X-Variant": "treatment", "X-Cache": "hit"}
    assert read_outcome(status, headers, content, 1) == Outcome(status, "2", "treatment", "hit", fault)


def test_no_answer_is_described() -> None:
    assert describe_no_answer(ConnectionRefusedError()).fault == "connection refused"
    assert describe_no_answer(TimeoutError("x")).fault == "timed out"
    assert describe_no_answer(OSError("broken pipe")) == Outcome(0, fault="no answer: broken pipe")


@pytest.mark.parametrize(
    ("cache", "texts", "repeats", "hits"),
    [
        ("hit", 8, 2, 8),
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
