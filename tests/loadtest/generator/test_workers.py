"""Loads that Locust's master splits over workers."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loadtest.__main__ import main

pytestmark = pytest.mark.integration


def command(gateway: Any, corpus: Path, report: Path, *flags: str) -> list[str]:
    needed = ["--url", gateway.url, "--model", "topics", "--corpus", str(corpus), "--report", str(report)]
    return ["run", *needed, "--seed", "3", "--salt", "same", *flags]


def read(report: Path) -> dict[str, Any]:
    results: dict[str, Any] = json.loads((report / "report.json").read_text())
    return results


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_three_workers_send_the_bytes_of_one(gateway: Any, corpus: Path, tmp_path: Path) -> None:
    sent = []
    for workers in ("1", "3"):
        gateway.requests.clear()
        flags = ("--rate", "60", "--arrivals", "constant", "--duration", "2", "--workers", workers, "--batch-size", "1:0.5,3:0.5")
        assert main(command(gateway, corpus, tmp_path / workers, *flags)) == 0
        sent.append(sorted(request for request in gateway.requests if b'"version"' not in request[1]))
        report = read(tmp_path / workers)
        assert report["requests"] == len(sent[-1]) == 120
        assert [use["requests"] for use in report["generators"]] == [120 // int(workers)] * int(workers)
        assert [part["offered"] for part in report["series"]] == [60, 60]
    assert sent[0] == sent[1]


def test_users_of_a_closed_loop_are_split(gateway: Any, corpus: Path, tmp_path: Path) -> None:
    gateway.latency_s = 0.05
    assert main(command(gateway, corpus, tmp_path, "--users", "6", "--duration", "1.5", "--workers", "2")) == 0
    report = read(tmp_path)
    assert report["throughput_rps"] == pytest.approx(6 / (report["latency_ms"]["mean"] / 1e3), rel=0.25)
    assert len(report["generators"]) == 2
    assert all(use["requests"] for use in report["generators"])


def test_workers_from_elsewhere_need_nothing_but_the_master(gateway: Any, corpus: Path, tmp_path: Path) -> None:
    port = free_port()
    flags = ("--rate", "40", "--arrivals", "constant", "--duration", "1", "--workers", "2", "--master", f"127.0.0.1:{port}")
    worker = [sys.executable, "-m", "loadtest", "worker", "--master-host", "127.0.0.1", "--master-port", str(port)]
    workers = [subprocess.Popen(worker) for _ in range(2)]
    try:
        assert main(command(gateway, corpus, tmp_path, *flags)) == 0
        assert [process.wait(30) for process in workers] == [0, 0]
    finally:
        for process in workers:
            process.kill()
    assert read(tmp_path)["requests"] == 40


def test_a_worker_that_dies_is_missed(gateway: Any, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    flags = ("--rate", "40", "--arrivals", "constant", "--duration", "2", "--workers", "2", "--master", f"127.0.0.1:{port}")
    worker = [sys.executable, "-m", "loadtest", "worker", "--master-host", "127.0.0.1", "--master-port", str(port)]
    workers = [subprocess.Popen(worker, start_new_session=True) for _ in range(2)]
    gateway.on_request = lambda number: number == 42 and kill_tree(workers[0].pid)
    try:
        assert main(command(gateway, corpus, tmp_path, *flags)) == 1
    finally:
        for process in workers:
            process.kill()
            process.wait()
    assert read(tmp_path)["lost_workers"] == 1
    assert "1 of 2 workers ended without a report" in capsys.readouterr().out


def kill_tree(pid: int) -> None:
    """Kill the verb's process and the generator that it started, which has a session of its own."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for victim in (pid, *map(int, children)):
        os.kill(victim, signal.SIGKILL)


def test_locusts_page_shows_the_run(gateway: Any, corpus: Path, tmp_path: Path) -> None:
    port = free_port()
    seen: list[dict[str, Any]] = []

    def look(number: int) -> None:
        if number == 50:
            from urllib.request import urlopen

            with urlopen(f"http://127.0.0.1:{port}/stats/requests") as answer:
                seen.append(json.load(answer))

    gateway.on_request = look
    assert main(command(gateway, corpus, tmp_path, "--rate", "60", "--duration", "1.5", "--web-ui", str(port))) == 0
    assert [stats["state"] for stats in seen] == ["running"]
    assert seen[0]["stats"][-1]["name"] == "Aggregated"
