"""Real Locust against a real HTTP server whose latency, failures and cache are known."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape
from timed import timed

from loadtest.__main__ import main

pytestmark = pytest.mark.integration


def load(gateway: Any, corpus: Path, report: Path, *more: str, model: str = "topics", duration: str = "1") -> tuple[int, dict[str, Any]]:
    status = main(command(gateway, corpus, report, *more, model=model, duration=duration))
    written = report / "report.json"
    return status, json.loads(written.read_text()) if written.exists() else {}


def command(gateway: Any, corpus: Path, report: Path, *more: str, model: str = "topics", duration: str) -> list[str]:
    required = ["--url", gateway.url, "--model", model, "--corpus", str(corpus), "--report", str(report), "--users", "8"]
    return ["run", *required, "--duration", duration, *more]


@timed
def test_latency_hit_rate_and_split_are_what_the_server_did(gateway: Any, corpus: Path, tmp_path: Path) -> None:
    gateway.latency_s, gateway.slow_every, gateway.slow_latency_s = 0.05, 10, 0.3
    status, report = load(gateway, corpus, tmp_path, "--repeat", "0.4", "--usd-per-hour", "0.36", duration="2")
    assert status == 0
    assert report["failures"] == 0
    measured = [body for body in gateway.bodies if "version" not in body]
    assert report["requests"] == len(measured)
    # a tenth of the requests are slow: the median is of the fast ones, the 99th percentile of the
    # slow ones
    assert 50 <= report["latency_ms"]["p50"] < 150
    assert 300 <= report["latency_ms"]["p99"] < 600
    # users × time = requests × latency in a closed loop, up to what the client itself takes
    mean_s = report["latency_ms"]["mean"] / 1e3
    assert report["throughput_rps"] == pytest.approx(8 / mean_s, rel=0.25)
    assert report["throughput_rps"] == pytest.approx(report["requests"] / report["elapsed_s"])
    assert report["usd_per_million"] == pytest.approx(100 / report["throughput_rps"])
    texts = [text for body in measured for text in body["instances"]]
    repeats = sum("p" in text.rpartition(" ")[2] for text in texts)
    assert report["cache_hit_rate"] == report["sent_repeats"] == pytest.approx(repeats / len(texts))
    assert sum(report["variants"].values()) == report["requests"]
    assert set(report["variants"]) == {"1", "2"}
    assert {group["variant"] for group in report["groups"]} == {"variant-1", "variant-2"}
    assert (tmp_path / "report.html").stat().st_size < 200_000


def test_two_runs_with_one_seed_and_salt_send_the_same(gateway: Any, corpus: Path, tmp_path: Path) -> None:
    gateway.latency_s = 0.01
    sent = []
    for _ in range(2):
        gateway.bodies.clear()
        gateway.headers.clear()
        # one user: with more, the order of arrival is the network's
        status, _ = load(gateway, corpus, tmp_path, "--seed", "7", "--salt", "same", "--users", "1")
        assert status == 0
        sent.append([(body["instances"], headers.get("x-unit-id")) for body, headers in zip(gateway.bodies, gateway.headers, strict=True)])
    shared = min(map(len, sent))
    assert shared > 10
    assert sent[0][:shared] == sent[1][:shared]


def test_batches_headers_and_a_version_are_passed_on(gateway: Any, corpus: Path, tmp_path: Path) -> None:
    gateway.latency_s = 0.05
    status, report = load(
        gateway, corpus, tmp_path, "--batch-size", "5", "--version", "2", "--header", "Authorization: Bearer k", "--repeat", "0.5"
    )
    assert status == 0
    assert report["variants"] == {"2": report["requests"]}
    assert {body["version"] for body in gateway.bodies} == {2}
    assert {headers["authorization"] for headers in gateway.headers} == {"Bearer k"}
    assert report["texts_per_s"] == pytest.approx(5 * report["throughput_rps"])
    assert report["cache_hit_rate"] == pytest.approx(report["sent_repeats"])
    assert report["cache"]["partial"] > 0


def test_failed_requests_are_counted_reported_and_make_it_fail(gateway: Any, corpus: Path, tmp_path: Path) -> None:
    gateway.latency_s, gateway.fail_every = 0.02, 4
    status, report = load(gateway, corpus, tmp_path)
    assert status == 1
    assert report["failures"] == report["errors_by_status"]["429"] == pytest.approx(report["requests"] / 4, rel=0.1)
    assert report["errors"][0]["reason"] == "too many requests are waiting"
    assert "too many requests are waiting" in (tmp_path / "report.html").read_text()


def test_a_cache_that_keeps_nothing_is_noticed(gateway: Any, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.latency_s, gateway.caches = 0.02, False
    status, report = load(gateway, corpus, tmp_path)
    assert (status, report["cache_hit_rate"]) == (0, 0)
    assert "the cache is off" in capsys.readouterr().out


def test_an_unknown_model_or_version_gives_one_sentence(
    gateway: Any, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags, model, sentence in (
        ((), "nope", "does not serve 'nope': there is no model named 'nope'"),
        (("--version", "9"), "topics", "Version 9 of 'topics' is not ready"),
    ):
        status, report = load(gateway, corpus, tmp_path, *flags, model=model)
        assert (status, report["requests"]) == (1, 0)
        assert sentence in capsys.readouterr().err
        assert sentence in report["problem"]
        assert str(escape(sentence)) in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_reports_what_it_saw(number: signal.Signals, gateway: Any, corpus: Path, tmp_path: Path) -> None:
    gateway.latency_s = 0.02
    argv = [sys.executable, "-u", "-m", "loadtest", *command(gateway, corpus, tmp_path, duration="60")]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "requests" in process.stderr.readline()
        os.kill(process.pid, number)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["interrupted"] is True
    assert 0 < report["requests"] == len([body for body in gateway.bodies if "version" not in body])
    assert "ended by hand" in out
