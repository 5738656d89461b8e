"""The generator against a server with a scripted latency: it reports what the server did."""

import json
from pathlib import Path
from typing import Any

import pytest
from timed import timed

from loadtest.__main__ import main
from loadtest.generator.scripted_process import scripted_server

pytestmark = [pytest.mark.integration, timed]
JITTER_MS = 25
"""What sockets, timers and two busy cores may add to a scripted latency."""
AT_ONCE_MS = 60
"""What it takes to answer the 120 requests of a stall, which all go on when it ends."""


def load(url: str, corpus: Path, report: Path, *flags: str, duration: str) -> tuple[int, dict[str, Any]]:
    needed = ("--url", url, "--model", "topics", "--corpus", str(corpus), "--report", str(report), "--repeat", "0", "--duration", duration)
    status = main(["run", *needed, *flags])
    return status, json.loads((report / "report.json").read_text())


def load_scripted(script: dict[str, Any], corpus: Path, report: Path, *flags: str, duration: str) -> tuple[int, dict[str, Any]]:
    with scripted_server(**script) as url:
        return load(url, corpus, report, *flags, duration=duration)


def test_percentiles_are_those_of_the_script(corpus: Path, tmp_path: Path) -> None:
    script = {"latencies_ms": [[20, 0.8], [100, 0.15], [400, 0.05]]}
    status, report = load_scripted(script, corpus, tmp_path, "--rate", "200", "--arrivals", "constant", duration="2")
    assert status == 0
    assert report["loop"] == "open"
    assert report["requests"] == 400
    for name, scripted_ms in {"p50": 20, "p75": 20, "p90": 100, "p99": 400, "max": 400}.items():
        assert scripted_ms <= report["latency_ms"][name] <= scripted_ms + JITTER_MS, name
        assert scripted_ms <= report["service_ms"][name] <= report["latency_ms"][name], name
    assert report["latency_ms"]["mean"] == pytest.approx(0.8 * 20 + 0.15 * 100 + 0.05 * 400, abs=JITTER_MS / 2)
    assert report["latency_behind"]["p99"] == 5


def test_a_stall_shows_in_an_open_loop_and_hides_in_a_closed_one(corpus: Path, tmp_path: Path) -> None:
    stall = {"latencies_ms": [[5, 1]], "stall_at_s": 0.9, "stall_s": 1.2}
    _, opened = load_scripted(stall, corpus, tmp_path / "open", "--rate", "100", "--arrivals", "constant", duration="3")
    _, closed = load_scripted(stall, corpus, tmp_path / "closed", "--users", "2", duration="4")
    # of 300 requests the 120 of the stall wait until its end: 1.2 s, 1.19 s … 0.01 s
    assert opened["requests"] == 300
    for name, waited_ms in {"p75": 450, "p90": 900, "p95": 1050, "p99": 1170, "max": 1200}.items():
        assert waited_ms - 15 <= opened["latency_ms"][name] <= waited_ms + 15 + JITTER_MS + AT_ONCE_MS, name
    assert opened["latency_ms"]["p50"] < 5 + JITTER_MS
    stalled = [part["answered"] for part in opened["series"]]
    assert stalled[1] <= 10
    assert stalled[2] >= 180
    # each of the two users meets the stall once: two requests in hundreds saw a stall of three
    # tenths of the time
    assert closed["latency_ms"]["p99"] < 5 + JITTER_MS
    assert closed["latency_ms"]["max"] > 1100


def test_what_is_offered_is_what_is_sent(corpus: Path, tmp_path: Path) -> None:
    script = {"latencies_ms": [[30, 1]]}
    _, report = load_scripted(script, corpus, tmp_path, "--arrivals", "step:rates_rps=50/200,spacing=even", duration="4")
    assert report["requests"] == 500
    assert report["offered_rps"] == report["sent_rps"] == 125
    assert report["throughput_rps"] == pytest.approx(125, rel=0.02)
    assert [part["offered"] for part in report["series"]] == [50, 50, 200, 200]
    assert report["late"] == report["dropped"] == 0
    assert report["lateness_ms"]["p50"] < 5


def test_a_system_that_cannot_hold_the_rate_leaves_late_and_dropped_requests(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # ten in flight, each for a tenth of a second, are a hundred a second: half of what is offered
    flags = ("--rate", "200", "--arrivals", "constant", "--max-in-flight", "10", "--max-late", "0.5")
    status, report = load_scripted({"latencies_ms": [[100, 1]]}, corpus, tmp_path, *flags, duration="2")
    assert status == 1
    assert report["failures"] == 0
    assert report["requests"] + report["dropped"] == 400
    assert report["requests"] == pytest.approx(250, rel=0.1)
    assert report["late"] > 150
    assert 500 <= report["latency_ms"]["max"] <= 600 + 2 * JITTER_MS
    assert report["service_ms"]["max"] <= 100 + 2 * JITTER_MS
    assert report["behind"] <= 6
    said = capsys.readouterr().out
    assert f"{report['dropped']:,} were dropped" in said
    assert "since 10 were in flight" in said


def test_a_generator_that_is_too_slow_says_so(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with scripted_server() as url:
        status, report = load(url, corpus, tmp_path, "--rate", "60000", "--arrivals", "constant", "--max-late", "0.2", duration="1")
    assert status == 1
    assert report["offered_rps"] == pytest.approx(60_000, rel=0.01)
    assert report["sent_rps"] < 40_000
    said = capsys.readouterr().out
    assert said.startswith("The load generator could not keep up, so this run does not say what the system can do.")
    assert "give it more --workers" in said
