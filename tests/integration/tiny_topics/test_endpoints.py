"""One gateway in front of two real Tritons, which are killed, frozen and started."""

import os
import shutil
import signal

import httpx
import psutil
import pytest
from gateway_process import GatewayProcess, free_port, wait_until
from load import Load
from timed import timed

from model_repository.server import TritonServer

pytestmark = pytest.mark.integration

LOST = {502, 503}
"""What a request may get if its Triton ended and no other could take the request."""


@pytest.fixture
def tritons(repository):
    with TritonServer.start(repository, grace_s=0) as one, TritonServer.start(repository, grace_s=0) as two:
        yield one, two


@pytest.fixture
def both(tritons, start_gateway):
    return start_gateway(triton_url=",".join(triton.http_url for triton in tritons), catalog_refresh_s=0.2, request_timeout_ms=8000)


def endpoints(gateway, state):
    return gateway.metric("headrace_endpoints", state=state)


def calls(triton):
    """How many inferences a Triton has answered."""
    lines = httpx.get(f"http://{triton.metrics_url}/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("nv_inference_request_success"))


class frozen:
    """Suspends a Triton.

    The processes of its models are not suspended, since Triton aborts when it finds one that is.
    """

    def __init__(self, triton):
        self._process = psutil.Process(triton.pid)

    def __enter__(self):
        self._process.suspend()

    def __exit__(self, *_):
        self._process.resume()


def test_two_tritons_share_the_work(both, tritons):
    before = [calls(triton) for triton in tritons]
    with Load(both.predict_url, clients=6) as load:
        load.wait_for_answers(200)
    shares = [calls(triton) - was for triton, was in zip(tritons, before, strict=True)]
    assert set(load.statuses) == {200}
    assert min(shares) > 0.25 * sum(shares), shares
    assert endpoints(both, "closed") == 2


def test_few_requests_fail_when_a_triton_is_killed_under_load(both, tritons):
    with Load(both.predict_url, clients=6) as load:
        load.wait_for_answers()
        os.kill(tritons[0].pid, signal.SIGKILL)
        wait_until(lambda: endpoints(both, "open") == 1)
        load.wait_for_answers()
        seen = dict(load.statuses)
        load.wait_for_answers()
    assert set(load.statuses) <= {200} | LOST, load.statuses
    assert sum(load.statuses[status] for status in LOST) <= 6, load.statuses
    assert {status: load.statuses[status] for status in LOST if status in load.statuses} == {s: n for s, n in seen.items() if s in LOST}
    assert both.metric("headrace_triton_retries_total") > 0


def test_a_triton_that_freezes_gets_no_more_calls_and_the_other_answers_them(both, tritons):
    with Load(both.predict_url, clients=6) as load:
        load.wait_for_answers()
        with frozen(tritons[0]):
            wait_until(lambda: endpoints(both, "open") + endpoints(both, "half-open") == 1)
            load.wait_for_answers()
            assert set(load.statuses) <= {200, 504}, load.statuses
            assert load.statuses[504] <= 6, load.statuses
        wait_until(lambda: endpoints(both, "closed") == 2)
        answered = calls(tritons[0])
        wait_until(lambda: calls(tritons[0]) > answered + 10)


@timed
def test_with_both_tritons_gone_clients_are_told_when_to_retry_and_no_restart_is_needed(both, tritons):
    assert both.predict("corn", version=2).status_code == 200
    with frozen(tritons[0]), frozen(tritons[1]):
        wait_until(lambda: endpoints(both, "open") == 2)
        refused = both.predict("corn", version=2, headers={"Cache-Control": "no-store"})
        assert refused.status_code == 503
        assert 1 <= int(refused.headers["retry-after"]) <= 30
        assert refused.elapsed.total_seconds() < 1
        assert httpx.get(f"{both.url}/readyz").json()["checks"]["triton"] != "ok"
    wait_until(lambda: both.predict("corn", version=2).status_code == 200 and endpoints(both, "closed") == 2)


def test_calls_for_a_version_go_to_the_tritons_where_it_is_ready(repository, start_gateway, tmp_path):
    fewer = tmp_path / "fewer"
    shutil.copytree(repository, fewer)
    shutil.rmtree(fewer / "topics/2")
    with TritonServer.start(repository, grace_s=0) as full, TritonServer.start(fewer, grace_s=0) as partial:
        gateway = start_gateway(triton_url=f"{partial.http_url},{full.http_url}", catalog_refresh_s=0.2)
        for version in (1, 2):
            assert {gateway.predict(f"corn {i}", version=version).status_code for i in range(20)} == {200}
        wait_until(lambda: calls(partial) > 0 and calls(full) > 0)


def test_a_version_whose_only_triton_is_gone_stays_known_and_is_answered_from_the_cache(repository, start_gateway, valkey, tmp_path):
    fewer = tmp_path / "fewer"
    shutil.copytree(repository, fewer)
    shutil.rmtree(fewer / "topics/2")
    with TritonServer.start(fewer, grace_s=0) as partial:
        with TritonServer.start(repository, grace_s=0) as full:
            urls = f"{partial.http_url},{full.http_url}"
            gateway = start_gateway(triton_url=urls, cache_url=valkey.url, cache_memory_bytes=0, catalog_refresh_s=0.2)
            wait_until(lambda: gateway.predict("corn", version=2).headers["x-cache"] == "hit")
        wait_until(lambda: endpoints(gateway, "open") == 1)
        gone = {"Cache-Control": "no-store"}
        wait_until(lambda: "not ready" in gateway.predict("corn", version=2, headers=gone).text)
        refused = gateway.predict("corn", version=2, headers=gone)
        assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
        assert gateway.predict("corn", version=2).headers["x-cache"] == "hit"
        assert gateway.predict("corn", version=1, headers=gone).status_code == 200


def test_a_dns_name_stands_for_all_its_addresses(triton, start_gateway):
    port = triton.http_url.rpartition(":")[2]
    gateway = start_gateway(triton_url=f"dns:///localhost:{port}", catalog_refresh_s=0.2)
    assert gateway.predict("corn", version=2).status_code == 200


def test_a_gateway_starts_before_any_of_its_tritons(tmp_path, repository):
    gone = free_port()
    gateway = GatewayProcess(log=tmp_path / "gateway.log", triton_url=f"dns:///no-such-name.invalid:{gone}", catalog_refresh_s=0.2)
    try:
        wait_until(lambda: "catalog not read" in gateway.log.read_text())
        answer = gateway.predict("corn")
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    finally:
        assert gateway.stop() == 0
