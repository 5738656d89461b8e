"""Searches that fail or are ended before their end.

The report is there all the same, and says first what went wrong.
"""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape
from timed import timed

from loadtest.__main__ import main
from loadtest.generator.scripted_process import scripted_server

pytestmark = pytest.mark.integration


def arguments(url: str, corpus: Path, report: Path, *more: str, duration: str = "0.5") -> list[str]:
    needed = ["--url", url, "--model", "topics", "--corpus", str(corpus), "--report", str(report), "--slo", "p99<5s,errors<1%"]
    return ["search", *needed, "--duration", duration, "--first-rate", "40", "--warm-up", "0", "--shared-machine", *more]


def files(report: Path) -> tuple[dict[str, Any], str, list[dict[str, str]]]:
    """search.json, the page, and the rows of trials.csv."""
    values = json.loads((report / "search.json").read_text())
    assert values["schema"] == "headrace-search/1"
    return values, (report / "search.html").read_text(), list(csv.DictReader((report / "trials.csv").open()))


def says_first(page: str, sentence: str, tone: str = "bad") -> bool:
    return f'<h1 class="{tone}">{escape(sentence)}</h1>' in page


def test_a_server_that_is_down_leaves_a_report(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    assert main(arguments(url, corpus, tmp_path)) == 1
    said = f"No answer from {url}: Connection refused. Is the server running there?"
    assert capsys.readouterr().out.startswith(f"{said} Whether p99<5000ms,errors<1% is kept is not known at any rate.\n")
    values, page, rows = files(tmp_path)
    assert (values["outcome"], values["problem"], values["rate"], values["trials"], rows) == ("broken", said, None, [], [])
    assert says_first(page, f"No answer from {url}: Connection refused.")
    assert "Is the server running there?" in page
    assert "<svg" not in page
    assert not (tmp_path / "profile.json").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--model", "nope"), "does not serve 'nope': there is no model named 'nope'; {url}/v1/models lists what it serves."),
        (("--version", "9"), "Version 9 of 'topics' is not ready at {url}; ready: [1, 2]."),
        (("--header", "Authorization: Bearer wrong"), "asks for a key: pass --header 'Authorization: Bearer KEY'."),
    ],
)
def test_a_gateway_that_refuses_leaves_a_report_that_says_what_to_do(
    more: tuple[str, ...], said: str, gateway: Any, corpus: Path, tmp_path: Path
) -> None:
    gateway.key = "right" if "--header" in more else ""
    wanted = arguments(gateway.url, corpus, tmp_path, *more)
    if "--model" in more:
        del wanted[wanted.index("topics") - 1 : wanted.index("topics") + 1]
    assert main(wanted) == 1
    values, page, _ = files(tmp_path)
    assert values["outcome"] == "broken"
    assert said.format(url=gateway.url) in values["problem"]
    assert says_first(page, values["problem"])
    assert "wrong" not in json.dumps(values) + page


@timed
@pytest.mark.parametrize(("warm_up_s", "trials"), [(0.5, 0), (0, 1)])
def test_a_server_that_dies_leaves_what_was_tried_before(warm_up_s: float, trials: int, corpus: Path, tmp_path: Path) -> None:
    with scripted_server(dies_after=5) as url:
        assert main(arguments(url, corpus, tmp_path, "--repeat", "0", "--warm-up", str(warm_up_s))) == 1
    values, page, rows = files(tmp_path)
    assert (values["outcome"], len(values["trials"]), len(rows)) == ("broken", trials, trials)
    where = "The search ended in trial 2: " if trials else ""
    assert says_first(page, f"{where}No answer from {url}: Connection refused.")
    assert [row["passed"] for row in rows] == ["False"] * trials
    assert all("errors<1%" in row["misses"] for row in rows)


def interrupted(argv: list[str], when: Callable[[int], object], *, duration_s: float = 30) -> tuple[int, str]:
    """The exit status and output of a search that gets SIGINT.

    The signal is sent once `when`, which is given the pid, returns.
    """
    with subprocess.Popen([sys.executable, "-m", "loadtest", *argv], stdout=subprocess.PIPE, text=True) as process:
        try:
            when(process.pid)
            os.kill(process.pid, signal.SIGINT)
            out, _ = process.communicate(timeout=duration_s)
        finally:
            process.kill()  # nothing is sent to one that has ended
    return process.returncode, out


def test_ctrl_c_while_the_generator_starts_leaves_a_report(wait_for_generator: Callable[[int], None], corpus: Path, tmp_path: Path) -> None:
    with scripted_server() as url:
        status, out = interrupted(arguments(url, corpus, tmp_path, "--repeat", "0", duration="60"), wait_for_generator)
    assert status == 130
    assert out.startswith("The search was ended by hand before its first trial was over.")
    values, page, rows = files(tmp_path)
    assert (values["outcome"], values["trials"], rows) == ("interrupted", [], [])
    assert says_first(page, "The search was ended by hand before its first trial was over.", tone="warn")


# the first of the requests that warm the cache, and one of the trial itself
@pytest.mark.parametrize("turn", [1, 10])
def test_ctrl_c_before_the_first_trial_is_over_leaves_a_report(turn: int, gateway: Any, corpus: Path, tmp_path: Path) -> None:
    reached = threading.Event()
    gateway.on_request = lambda number: reached.set() if number >= turn else None
    status, out = interrupted(arguments(gateway.url, corpus, tmp_path, duration="60"), lambda _: reached.wait(30))
    assert status == 130
    assert out.startswith("The search was ended by hand before its first trial was over.")
    assert files(tmp_path)[0]["outcome"] == "interrupted"
