"""Gateways are stopped and started while a proxy sends them requests."""

import signal
import threading
import time

import grpc
import httpx
import pytest
from gateway_process import GatewayProcess, free_port, infer_request, wait_until
from load import Load
from rolling_proxy import RollingProxy
from timed import timed
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

pytestmark = pytest.mark.integration

DRAIN_DELAY_S = 1.5


@pytest.fixture
def two(triton, tmp_path):
    """Two gateways, and a function that restarts one of them on its port."""
    made = []

    def start(name, port=None):
        gateway = GatewayProcess(log=tmp_path / f"{name}.log", triton_url=triton.http_url, drain_delay_s=DRAIN_DELAY_S, port=port)
        made.append(gateway)
        return gateway.__enter__()

    yield start("one"), start("two"), start
    for gateway in made:
        gateway.stop()


def takes_requests(gateway):
    wait_until(lambda: gateway.metric("headrace_requests_total", status="200", model="topics") > 5)


def test_no_request_fails_while_gateways_are_restarted_one_after_the_other(two):
    *gateways, start = two
    with RollingProxy([f"127.0.0.1:{gateway.port}" for gateway in gateways]) as proxy, Load(proxy.predict_url, clients=6) as load:
        for i, gateway in enumerate(gateways):
            load.wait_for_answers()
            assert gateway.stop(signal.SIGTERM) == 0
            load.wait_for_answers()
            takes_requests(start(f"again-{i}", gateway.port))
    assert set(load.statuses) == {200}, (load.statuses, [answer.text for answer in load.faults][:3])


def test_the_same_load_sees_failures_of_a_gateway_that_does_not_drain(two):
    """The test above is able to fail: the proxy does not hide lost requests."""
    *gateways, _ = two
    with RollingProxy([f"127.0.0.1:{gateway.port}" for gateway in gateways]) as proxy, Load(proxy.predict_url, clients=6) as load:
        load.wait_for_answers()
        gateways[0].stop(signal.SIGKILL)
        load.wait_for_answers()
    assert set(load.statuses) - {200}, load.statuses


def test_a_draining_gateway_is_unready_at_once_closes_connections_and_still_answers(start_gateway, triton):
    gateway = start_gateway(triton_url=triton.http_url, drain_delay_s=3)
    with httpx.Client(base_url=gateway.url, timeout=30) as client:
        assert "connection" not in client.get("/readyz").headers
        gateway.process.send_signal(signal.SIGTERM)
        wait_until(lambda: httpx.get(f"{gateway.url}/readyz").status_code == 503)
        unready = httpx.get(f"{gateway.url}/readyz")
        assert (unready.json()["status"], unready.headers["connection"]) == ("draining", "close")
        answer = client.post("/v1/models/topics:predict", json={"instances": ["corn"]})
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
    assert gateway.process.wait(timeout=20) == 0


def test_all_workers_drain(start_gateway, triton):
    gateway = start_gateway("--workers", 2, triton_url=triton.http_url, drain_delay_s=2)
    gateway.process.send_signal(signal.SIGTERM)
    wait_until(lambda: {httpx.get(f"{gateway.url}/readyz").status_code for _ in range(8)} == {503})
    assert gateway.process.wait(timeout=20) == 0


@timed
def test_endless_requests_and_streams_do_not_keep_a_gateway_from_stopping_in_time(start_gateway, triton):
    drain_timeout_s, grpc_port = 6, free_port()
    gateway = start_gateway(triton_url=triton.http_url, drain_timeout_s=drain_timeout_s, grpc_port=grpc_port)
    begun, over = threading.Event(), threading.Event()

    def requests():
        yield infer_request("topics", {"TEXT": [b"corn"]})
        over.wait()

    def endless():
        yield b'{"instances": ['
        begun.set()
        over.wait()

    def ask():
        with pytest.raises(httpx.HTTPError):
            httpx.post(gateway.predict_url, content=endless(), timeout=30).raise_for_status()

    asking = threading.Thread(target=ask)
    asking.start()
    begun.wait()
    with grpc.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
        next(GRPCInferenceServiceStub(channel).ModelStreamInfer(requests()))
        wait_until(lambda: "headrace_requests_in_flight 2.0" in httpx.get(f"{gateway.url}/metrics").text)
        gateway.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        code = gateway.process.wait(timeout=40)
        took_s = time.monotonic() - began
        over.set()
    asking.join()
    assert code == 0
    assert took_s < 2 * drain_timeout_s - 1, "their timeouts ran one after the other"
