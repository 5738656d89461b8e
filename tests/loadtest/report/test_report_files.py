"""The files of a report, from real runs.

Some runs are whole, and in some the server, the generator or the user stops in the middle.
"""

import csv
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from markupsafe import escape
from timed import timed

from loadtest.__main__ import main
from loadtest.generator.scripted_process import scripted_server
from loadtest.report.headline import headline
from loadtest.results.results import Results

pytestmark = pytest.mark.integration
SCHEMA = Path("loadtest/docs/report.schema.json")
INJECTION = "<script>alert('&')</script>"


def arguments(url: str, corpus: Path, report: Path, *flags: str, duration: str = "2") -> list[str]:
    needed = [
        "--url",
        url,
        "--model",
        "topics",
        "--corpus",
        str(corpus),
        "--report",
        str(report),
        "--repeat",
        "0.3",
        "--duration",
        duration,
        "--shared-machine",  # other tests may run meanwhile
    ]
    return ["run", *needed, *flags]


def read(report: Path) -> tuple[dict[str, Any], str]:
    """report.json, which keeps its schema, and the page."""
    values = json.loads((report / "report.json").read_text())
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(values)
    page = (report / "report.html").read_text()
    assert re.findall(r"""(?:src|href)\s*=|url\(|@import|<script|<link|<img|NaN""", page) == []
    return values, page


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(json.loads(SCHEMA.read_text()))


@pytest.fixture
def bystander() -> Iterator[int]:
    """The id of a process that has nothing to do with the server."""
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as process:
        yield process.pid
        process.kill()


@timed
def test_a_run_leaves_a_page_json_and_csv_that_agree(
    gateway: Any, bystander: int, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.latency_s = 0.02
    flags = ("--rate", "50", "--slo", "p99<900ms,errors<1%", "--instance", "aws/c7i.large", "--watch-pid", str(bystander))
    assert main(arguments(gateway.url, corpus, tmp_path, *flags)) == 0
    values, page = read(tmp_path)
    results = Results.from_dict(values)
    # on a busy machine the generator may not keep up, and then says so
    in_time = replace(results, lateness=replace(results.lateness, behind=0))
    assert headline(in_time) == ("Holds the SLO p99<900ms,errors<1%, and the load generator kept up.", "good")
    sentence, tone = headline(results)
    assert capsys.readouterr().out.startswith(sentence)
    assert f'<h1 class="{tone}">{escape(sentence)}</h1>' in page
    for title in ("Throughput", "Latency over time", "Latency by percentile", "Latency by version", "Cache hit rate", "CPU", "Memory"):
        assert f"<h3>{title}</h3><svg" in page, title
    for part in values["series"]:
        assert (
            f"second {part['start_s']:g}: {part['offered']:,} offered, {part['started']:,} started, {part['answered']:,} answered" in page
        )
    assert values["costs"][0]["usd_per_million_texts"] == pytest.approx(0.08925 / 3600 / values["texts_per_s"] * 1e6)
    assert "aws/c7i.large, on demand" in page
    assert {"python", "locust", "headrace loadtest"} <= values["versions"].keys()
    assert values["machine"]["load_average_1m"] >= 0
    # the server is one of this process's threads: what other tests started here is watched, too
    roles = {use["pid"]: use["role"] for use in values["observed"]["processes"]}
    assert (roles[os.getpid()], roles[bystander]) == ("other", "other")
    assert list(roles.values()).count("generator") == 1
    assert all(use["series"] for use in values["observed"]["processes"])

    series = table(tmp_path / "series.csv")
    assert [{name: None if text == "" else float(text) for name, text in row.items()} for row in series] == values["series"]
    percentiles = {float(row["quantile"]): row for row in table(tmp_path / "percentiles.csv")}
    assert float(percentiles[0.99]["latency_ms"]) == values["latency_ms"]["p99"]
    assert float(percentiles[0.999]["service_ms"]) == values["service_ms"]["p99_9"]
    assert float(percentiles[1.0]["latency_ms"]) == values["latency_ms"]["max"]
    assert len(table(tmp_path / "processes.csv")) == sum(len(use["series"]) for use in values["observed"]["processes"])


@timed
def test_an_slo_that_is_missed_is_said_in_red(gateway: Any, corpus: Path, tmp_path: Path) -> None:
    gateway.latency_s = 0.05
    assert main(arguments(gateway.url, corpus, tmp_path, "--rate", "20", "--slo", "p50<10ms", duration="1")) == 0
    values, page = read(tmp_path)
    measured = re.fullmatch(r"p50<10ms: ([\d.]+) ms", values["slo_misses"][0])
    assert measured
    assert float(measured[1]) >= 50
    assert '<h1 class="bad">Misses the SLO p50&lt;10ms' in page


@timed
def test_a_server_that_stops_in_the_middle_is_told_with_the_second(corpus: Path, tmp_path: Path) -> None:
    with scripted_server(latencies_ms=[[5, 1]], dies_after=100) as url:
        assert main(arguments(url, corpus, tmp_path, "--rate", "100", "--arrivals", "constant", "--repeat", "0", duration="3")) == 1
    values, page = read(tmp_path)
    assert values["errors"][0]["reason"] == "connection refused"
    answered = [part["answered"] for part in values["series"]]
    assert sum(answered) == 99
    died_s = max(index for index, count in enumerate(answered) if count) + 1
    assert died_s in (1, 2)
    assert f'<h1 class="bad">Nothing was answered after second {died_s} of 3.</h1>' in page
    (server,) = [use for use in values["observed"]["processes"] if use["role"] == "other"]
    assert died_s - 1 < server["ended_s"] < died_s + 2
    assert "ended after" in page


def test_what_a_server_says_is_escaped(gateway: Any, corpus: Path, tmp_path: Path) -> None:
    gateway.fail_every, gateway.fault = 2, INJECTION
    assert main(arguments(gateway.url, corpus, tmp_path, "--users", "2", duration="1")) == 1
    values, page = read(tmp_path)
    assert values["errors"][0]["reason"] == INJECTION
    assert str(escape(INJECTION)) in page


def test_a_generator_that_dies_leaves_a_report_that_says_so(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with scripted_server(latencies_ms=[[5, 1]]) as url:
        argv = [sys.executable, "-u", "-m", "loadtest", *arguments(url, corpus, tmp_path, "--rate", "50", duration="60")]
        with subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            assert "requests" in process.stderr.readline()
            (child,) = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True).stdout.split()
            os.kill(int(child), signal.SIGKILL)
            _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    values, page = read(tmp_path)
    assert values["requests"] == 0
    assert values["elapsed_s"] >= 1
    assert values["problem"] in said
    assert re.match(r"The load generator failed with exit status -9\. It had come to \d+ requests in \d", values["problem"])
    assert f'<h1 class="bad">{values["problem"]}</h1>' in page


def test_a_server_that_never_answers_leaves_a_report(corpus: Path, tmp_path: Path) -> None:
    with scripted_server(stall_s=30.0) as url:
        flags = ("--users", "2", "--repeat", "0", "--timeout", "0.5", "--slo", "p99<1s")
        assert main(arguments(url, corpus, tmp_path, *flags, duration="1")) == 1
    values, page = read(tmp_path)
    assert (values["latency_ms"], values["slo_misses"]) == (None, ["p99<1000ms: nothing was answered"])
    assert f"Misses the SLO p99&lt;1000ms: Not one of {values['requests']} requests was answered well.</h1>" in page


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--slo", "p99"], "argument --slo: 'p99' is no objective"),
        (["--instance", "aws/none"], "The price table has no 'aws/none'"),
        (["--watch-pid", "4194303"], "Process 4194303 cannot be watched: there is none."),
        (["--triton-metrics", "triton"], "--triton-metrics must be like http://HOST:8002/metrics, not 'triton'."),
    ],
)
def test_bad_arguments_are_named(flags: list[str], sentence: str, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments("http://127.0.0.1:9", corpus, tmp_path / "none", "--users", "1", *flags))
    assert sentence in " ".join(capsys.readouterr().err.split())
