"""Traces from a client through the gateway into a real Triton, as a collector receives them."""

import os
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor

import grpc
import httpx
import pytest
from gateway_process import GatewayProcess, free_port, infer_request, wait_until
from trace_collector import TraceCollector
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from gateway.embedded.traces import triton_arguments
from model_repository.server import TritonServer

pytestmark = pytest.mark.integration
CLIENT_SPAN = "b7ad6b7169203331"
ROUTE = "POST /v1/models/{model}:predict"


@pytest.fixture(scope="module")
def collector():
    with TraceCollector() as server:
        yield server


@pytest.fixture(scope="module")
def variables(collector):
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_RESOURCE_ATTRIBUTES": "team=blue"}


@pytest.fixture(scope="module")
def triton(repository, variables):
    arguments = [*triton_arguments(variables), "--trace-config=opentelemetry,bsp_schedule_delay=100"]
    with TritonServer.start(repository, arguments=arguments) as server:
        yield server


@pytest.fixture
def gateway(start_gateway, triton, valkey, variables, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return start_gateway(triton_url=triton.http_url, cache_url=valkey.url, max_in_flight=1, request_timeout_ms=60_000)


def traced(sampled=True):
    """A new trace id, and the headers of a request in this trace."""
    trace_id = uuid.uuid4().hex
    return trace_id, {"traceparent": f"00-{trace_id}-{CLIENT_SPAN}-0{int(sampled)}"}


def ask_with_trace_in_triton(gateway, collector):
    """Send requests until one has Triton's spans, too; returns its trace id and text.

    Triton's exporter loses some of its batches of spans.
    """
    asked = {}

    def ask():
        trace_id, headers = traced()
        asked[trace_id] = uuid.uuid4().hex
        assert gateway.predict(asked[trace_id], version=2, headers=headers).headers["x-cache"] == "miss"
        return [known for known in asked if collector.named("compute", known) and collector.named(ROUTE, known)]

    wait_until(ask)
    trace_id = ask()[0]
    return trace_id, asked[trace_id]


def test_one_trace_leads_from_the_client_into_triton(gateway, collector):
    trace_id, text = ask_with_trace_in_triton(gateway, collector)
    [request] = collector.named(ROUTE, trace_id)
    assert (request.parent_id, request.service) == (CLIENT_SPAN, "headrace-gateway")
    assert request.attributes["http.response.status_code"] == 200
    assert (request.attributes["headrace.model"], request.attributes["headrace.cache"]) == ("topics", "miss")
    [call] = collector.named("ModelInfer", trace_id)
    [infer] = collector.named("infer", trace_id)
    stages = [span for span in collector.children(request) if span != call]
    assert [span.name for span in stages] == ["authenticate", "parse", "assign", "lookup", "admit", "queue", "infer", "answer"]
    assert call.parent_id == request.span_id
    assert infer.links == (call.span_id,)
    assert (call.attributes["headrace.version"], call.attributes["headrace.items"]) == (2, 1)
    assert request.start_ns <= stages[0].start_ns <= call.start_ns <= call.end_ns <= request.end_ns
    [inside] = collector.named("InferRequest", trace_id)
    assert (inside.parent_id, inside.service) == (call.span_id, "headrace-triton")
    assert text not in str(collector.spans)


def test_a_trace_leads_from_a_grpc_client_into_triton_as_over_http(start_gateway, triton, variables, collector, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    port = free_port()
    gateway = start_gateway(triton_url=triton.http_url, grpc_port=port)
    trace_id, headers = traced()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        asked = infer_request("topics", {"TEXT": [uuid.uuid4().hex.encode()]}, model_version="2")
        metadata = [*headers.items(), ("x-request-id", "by-grpc")]
        _, rpc = GRPCInferenceServiceStub(channel).ModelInfer.with_call(asked, metadata=metadata, timeout=30)
    told = [part.partition(";")[0] for part in dict(rpc.initial_metadata())["server-timing"].split(", ")]
    assert told == ["authenticate", "parse", "assign", "lookup", "admit", "queue", "infer", "answer"]
    name = "inference.GRPCInferenceService/ModelInfer"
    wait_until(lambda: collector.named(name, trace_id) and collector.named("ModelInfer", trace_id))
    [request] = collector.named(name, trace_id)
    [call] = collector.named("ModelInfer", trace_id)
    assert (request.parent_id, call.parent_id) == (CLIENT_SPAN, request.span_id)
    assert (request.attributes["rpc.system"], request.attributes["rpc.method"]) == ("grpc", "ModelInfer")
    assert f"{call.attributes['server.address']}:{call.attributes['server.port']}" == triton.http_url
    assert [span.name for span in collector.children(request) if span != call] == told
    [line] = [line for line in gateway.log.read_text().splitlines() if '"by-grpc"' in line]
    assert f'"trace_id":"{trace_id}"' in line


def test_a_hit_has_no_span_of_a_call(gateway, collector):
    wait_until(lambda: gateway.predict("corn", version=2).headers["x-cache"] == "hit")
    trace_id, headers = traced()
    gateway.predict("corn", version=2, headers=headers)
    wait_until(lambda: collector.named(ROUTE, trace_id))
    [request] = collector.named(ROUTE, trace_id)
    assert [span.name for span in collector.children(request)] == ["authenticate", "parse", "assign", "lookup", "answer"]


def test_a_request_whose_client_does_not_sample_leaves_no_span_anywhere(gateway, collector):
    unsampled, headers = traced(sampled=False)
    gateway.predict(uuid.uuid4().hex, version=2, headers=headers | {"X-Request-ID": "unsampled"})
    ask_with_trace_in_triton(gateway, collector)
    assert [span for span in collector.spans if span.trace_id == unsampled] == []
    [line] = [line for line in gateway.log.read_text().splitlines() if '"unsampled"' in line]
    assert f'"trace_id":"{unsampled}"' in line


def test_a_call_for_several_requests_is_linked_with_each_of_them(gateway, collector):
    traces = [traced() for _ in range(16)]
    with ThreadPoolExecutor(16) as threads:
        # while the one call allowed at a time is in flight, the others wait, and share the next
        asked = [threads.submit(gateway.predict, uuid.uuid4().hex, version=2, headers=headers, timeout=60) for _, headers in traces]
        assert {answer.result().status_code for answer in asked} == {200}
    requests = {}
    for trace_id, _ in traces:
        wait_until(lambda trace_id=trace_id: collector.named(ROUTE, trace_id))
        [requests[trace_id]] = collector.named(ROUTE, trace_id)
    calls = [call for trace_id in requests for call in collector.named("ModelInfer", trace_id)]
    joined = [call for call in calls if call.links]
    assert joined
    spans = {request.span_id: trace_id for trace_id, request in requests.items()}
    for call in joined:
        # the call is a child in one trace, and is linked in both directions with the other traces
        assert spans[call.parent_id] == call.trace_id
        for linked in call.links:
            [infer] = collector.named("infer", spans[linked])
            assert call.span_id in infer.links


def test_the_trace_of_a_request_is_an_exemplar_of_the_metric(gateway):
    trace_id, headers = traced()
    gateway.predict(uuid.uuid4().hex, version=2, headers=headers)
    answer = httpx.get(f"{gateway.url}/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert [line for line in answer.text.splitlines() if line.startswith("headrace_request_seconds_bucket") and trace_id in line]
    assert trace_id not in httpx.get(f"{gateway.url}/metrics").text


def test_a_missing_collector_delays_neither_requests_nor_the_stop(triton, tmp_path, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with GatewayProcess(log=tmp_path / "gateway.log", triton_url=triton.http_url) as gateway:
        assert gateway.predict("corn", version=2, headers=traced()[1]).status_code == 200
        gateway.process.terminate()
        assert gateway.process.wait(timeout=10) == 0


def test_an_unknown_exporter_stops_the_start_with_a_sentence():
    environment = {**os.environ, "OTEL_TRACES_EXPORTER": "pigeon", "HEADRACE_PORT": str(free_port())}
    done = subprocess.run([sys.executable, "-m", "gateway", "--workers", "2"], env=environment, capture_output=True, text=True)
    sentence = "OTEL_TRACES_EXPORTER: 'pigeon' is not known; give otlp, console or none, or install its package\n"
    assert (done.returncode, done.stderr) == (1, sentence)
