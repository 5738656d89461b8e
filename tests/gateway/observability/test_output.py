"""A gateway whose log has no reader any more answers and stops as any other."""

import os
import re
import signal
import subprocess
import sys
import threading

import httpx
import pytest
from gateway_process import free_port, wait_until

from gateway.observability.output import Output, waiting


def answers(url):
    try:
        return httpx.get(f"{url}/livez").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("lines_read", [0, 4])
def test_a_gateway_whose_log_has_no_reader_answers_and_stops(lines_read):
    port = free_port()
    settings = {"HEADRACE_AUTH": "off", "HEADRACE_PORT": str(port), "HEADRACE_TRITON_URL": "127.0.0.1:1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **settings}
    )
    try:
        for _ in range(lines_read):
            process.stdout.readline()
        process.stdout.close()
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(url))
        assert [httpx.get(f"{url}/v1/models/none").status_code for _ in range(3)] == [503] * 3
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == -signal.SIGTERM or process.returncode == 0
    finally:
        process.kill()
        process.wait()


def test_whoever_waits_is_told(capsys):
    told, threads = [], threading.active_count()
    with waiting("Triton loads", every_s=0.001):
        wait_until(lambda: told.append(capsys.readouterr().err) or re.search(r"Triton loads, \d+ s …\n", "".join(told)))
    assert threading.active_count() == threads


def test_what_is_written_is_the_same_while_there_is_a_reader(tmp_path):
    with (tmp_path / "log").open("wb") as file:
        output = Output(file)
        output.write(b"bytes\n")
        output.write("text ü\n")
        output.flush()
    assert (tmp_path / "log").read_text() == "bytes\ntext ü\n"


def test_writes_without_a_reader_go_nowhere_and_hold_nothing():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as file:
        output = Output(file)
        for _ in range(100):
            output.write(bytes(10_000))
            output.flush()


def test_a_full_disk_loses_lines_and_raises_nothing():
    with open("/dev/full", "wb", buffering=0) as full:
        output = Output(full)
        output.write(b"a line\n")
        output.flush()
