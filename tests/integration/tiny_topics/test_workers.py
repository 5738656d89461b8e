"""Metrics of several workers, some of which are killed."""

import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest
from gateway_process import wait_until

pytestmark = pytest.mark.integration
WORKERS = 3
RESTART_S = 400
"""Seconds in which all workers restart on a busy machine.

If all of them were killed, no request is answered meanwhile.
"""


@pytest.fixture
def gateway(start_gateway, triton, valkey):
    process = start_gateway("--workers", WORKERS, triton_url=triton.http_url, cache_url=valkey.url, catalog_refresh_s=0.2)
    wait_until(lambda: value(process, "headrace_workers") == WORKERS, RESTART_S)
    return process


def worker_pids(gateway):
    return {child.pid for child in psutil.Process(gateway.process.pid).children() if is_worker(child)}


def is_worker(process):
    try:
        return any("spawn_main" in argument for argument in process.cmdline())
    except psutil.NoSuchProcess:  # it has ended; a zombie counts as ended
        return False


def value(gateway, name):
    found = re.search(rf"^{name} (\S+)$", httpx.get(f"{gateway.url}/metrics", timeout=RESTART_S).text, re.MULTILINE)
    return float(found[1])


def metrics_folder(gateway):
    return Path(psutil.Process(next(iter(worker_pids(gateway)))).environ()["PROMETHEUS_MULTIPROC_DIR"])


def ask(gateway, times):
    """Send requests, each on its own connection, so that all workers get some; their statuses."""
    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(lambda i: gateway.predict(f"corn {i % 5}", version=2).status_code, range(times)))


def test_counters_add_up_and_survive_killed_workers_with_few_files(gateway):
    asked = 0
    for _ in range(3):
        assert ask(gateway, 30) == [200] * 30
        asked += 30
        before = worker_pids(gateway)
        victim = before.pop()
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda victim=victim: len(worker_pids(gateway) - {victim}) == WORKERS, RESTART_S)
        wait_until(lambda: value(gateway, "headrace_workers") == WORKERS, RESTART_S)
        # a killed worker loses only the requests that it was answering: none here
        assert gateway.metric("headrace_requests_total", model="topics", status="200") == asked
        assert gateway.metric("headrace_request_seconds_count", model="topics") == asked
    names = {path.name for path in metrics_folder(gateway).glob("*.db")}
    kinds = {name.rpartition("_")[0] for name in names}
    assert kinds == {"counter", "histogram", "gauge_livesum", "gauge_livemin", "gauge_livemax"}
    assert names == {f"{kind}_{slot}.db" for kind in kinds for slot in range(WORKERS)}


def test_the_gauges_of_killed_workers_are_gone(gateway, triton):
    server = psutil.Process(triton.pid)
    with ThreadPoolExecutor(8) as threads:
        server.suspend()
        try:
            asking = [threads.submit(attempt, gateway, [f"{i} {j}" for j in range(64)]) for i in range(8)]
            wait_until(lambda: gateway.metric("headrace_pending_items", model="topics") > 0)
            victims = worker_pids(gateway)
            for victim in victims:
                os.kill(victim, signal.SIGKILL)
        finally:
            server.resume()
        wait_until(lambda: len(worker_pids(gateway) - victims) == WORKERS, RESTART_S)
        assert "broken" in {done.result() for done in asking}
    wait_until(lambda: value(gateway, "headrace_workers") == WORKERS, RESTART_S)
    assert gateway.metric("headrace_pending_items", model="topics") == 0
    # the request to /metrics is in flight itself
    assert value(gateway, "headrace_requests_in_flight") == 1


def attempt(gateway, batch):
    try:
        return gateway.predict(*batch, version=2).status_code
    except httpx.TransportError:
        return "broken"


def test_gauges_show_the_least_or_greatest_value_of_the_workers(gateway):
    assert (value(gateway, "headrace_triton_up"), value(gateway, "headrace_versions_refused")) == (1, 0)
    assert value(gateway, "headrace_experiments_valid") == 1
    assert gateway.metric("headrace_build_info", version="0.1.0") == 1


def test_a_rolling_restart_of_the_workers_keeps_the_counts(gateway):
    assert ask(gateway, 20) == [200] * 20
    before = worker_pids(gateway)
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: not worker_pids(gateway) & before, RESTART_S)
    wait_until(lambda: value(gateway, "headrace_workers") == WORKERS, RESTART_S)
    assert ask(gateway, 20) == [200] * 20
    assert gateway.metric("headrace_requests_total", model="topics", status="200") == 40
    slots = {path.stem.rpartition("_")[2] for path in metrics_folder(gateway).glob("*.db")}
    # one slot more than workers: the first new worker started while all old ones lived
    assert slots <= {str(slot) for slot in range(WORKERS + 1)}


def test_input_of_clients_makes_no_series(gateway):
    def series():
        text = httpx.get(f"{gateway.url}/metrics").text
        # the tier that answers depends on the worker that is asked
        return {line.rpartition(" ")[0] for line in text.splitlines() if line.startswith("headrace_") and "tier=" not in line}

    def send(i):
        with httpx.Client(base_url=gateway.url) as client:
            return [
                client.post(f"/v1/models/made-up-{i}:predict", json={"instances": ["a"]}).status_code,
                client.post("/v1/models/topics:predict", json={"instances": ["a"], "version": 1000 + i}).status_code,
                client.put(f"/nowhere/{i}", headers={"X-Unit-ID": f"u{i}"}).status_code,
                client.post("/v1/models/topics:predict", json={"instances": ["corn"]}, headers={"X-Unit-ID": f"u{i}"}).status_code,
            ]

    wait_until(lambda: gateway.predict("corn").headers["x-cache"] == "hit")
    for i in range(30):
        assert send(i) == [404, 404, 404, 200]
    before = series()
    for i in range(30, 60):
        assert send(i) == [404, 404, 404, 200]
    assert series() == before
