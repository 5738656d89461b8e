"""A lost connection against the server's own count: what was sent is never sent again."""

import json
from pathlib import Path
from typing import Any

import pytest
from timed import timed

from loadtest.__main__ import main
from loadtest.generator.scripted_process import scripted_server
from loadtest.target.client import Client

pytestmark = pytest.mark.integration


def load(url: str, corpus: Path, report: Path, *loop: str) -> tuple[int, dict[str, Any], dict[str, int]]:
    """The exit status, the report, and what the server counted."""
    asked = ("--url", url, "--model", "topics", "--corpus", str(corpus), "--repeat", "0", "--report", str(report))
    status = main(["run", *asked, *loop])
    with Client(url) as client:
        counted: dict[str, int] = client.get("/counts").body
    return status, json.loads((report / "report.json").read_text()), counted


@pytest.mark.parametrize("loop", [("--rate", "100", "--duration", "4"), ("--users", "8", "--duration", "2")])
@pytest.mark.parametrize("inside", [False, True])
def test_each_connection_that_is_lost_after_its_request_is_a_failure(
    loop: tuple[str, ...], inside: bool, corpus: Path, tmp_path: Path
) -> None:
    with scripted_server(latencies_ms=[[20, 1]], closes=0.05, closes_after_ms=20, closes_inside=inside) as url:
        status, report, counted = load(url, corpus, tmp_path, *loop)
    assert status == 1
    assert counted["closed"] > 0
    assert report["failures"] == report["errors_by_status"]["0"] == counted["closed"]
    assert report["requests"] == counted["received"]
    assert report["reconnects"] == 0
    assert report["errors"][0]["reason"].endswith("before the end of the response" if inside else "before any response")


@timed
def test_a_connection_that_was_closed_while_idle_is_replaced_and_counted(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # a request that starts late may find a connection that is not idle yet
    with scripted_server(latencies_ms=[[5, 1]], idle_ms=20) as url:
        status, report, counted = load(url, corpus, tmp_path, "--rate", "10", "--arrivals", "constant", "--duration", "2")
    assert (status, report["failures"]) == (0, 0)
    assert report["requests"] == counted["received"] == 20
    assert report["reconnects"] == 19
    assert "19 requests went over a new connection" in capsys.readouterr().out
    assert "19 requests went over a new connection" in (tmp_path / "report.html").read_text()
