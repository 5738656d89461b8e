"""gRPC behaves as HTTP: authentication, deadlines, errors and shutdown."""

import asyncio
import contextlib
import hashlib
import json
import os
import queue
import signal
import socket

import grpc
import httpx
import numpy as np
import psutil
import pytest
import tritonclient.grpc
import tritonclient.grpc.aio
from gateway_process import GatewayProcess, free_port, infer_request, wait_until
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

pytestmark = pytest.mark.integration
Code = grpc.StatusCode


@pytest.fixture
def start(tasks_triton, start_gateway):
    """Starts a gateway with a gRPC port; returns it and a channel to this port."""
    with contextlib.ExitStack() as channels:

        def begin(*arguments, **settings):
            port = free_port()
            gateway = start_gateway(*arguments, **{"triton_url": tasks_triton.http_url, "grpc_port": port, **settings})
            gateway.grpc_port = port
            return gateway, channels.enter_context(grpc.insecure_channel(f"127.0.0.1:{port}"))

        yield begin


def infer(channel, *texts, model="weather", metadata=None, timeout=30, **fields):
    request = infer_request(model, {"TEXT": [text.encode() for text in texts]}, **fields)
    return GRPCInferenceServiceStub(channel).ModelInfer.with_call(request, metadata=metadata, timeout=timeout)


def fault(channel, *texts, **options):
    with pytest.raises(grpc.RpcError) as error:
        infer(channel, *texts, **options)
    return error.value


def log_lines(gateway):
    return [json.loads(line) for line in gateway.log.read_text().splitlines() if line.startswith("{")]


def test_version_experiment_and_cache_status_are_in_metadata_log_and_metrics_as_over_http(start, valkey, tmp_path):
    experiments = tmp_path / "experiments.yaml"
    arms = [{"name": "old", "version": 1, "weight": 0.5}, {"name": "new", "version": 2, "weight": 0.5}]
    experiments.write_text(json.dumps({"experiments": [{"key": "vectors", "model": "embeddings", "variants": arms}]}))
    gateway, channel = start(cache_url=valkey.url, experiments_file=experiments)
    versions = {}
    for unit in range(20):
        answer, rpc = infer(channel, "alna bero", model="embeddings", metadata=[("x-unit-id", f"u{unit}"), ("x-request-id", f"r{unit}")])
        sent = dict(rpc.initial_metadata())
        assert (sent["x-experiment"], sent["x-request-id"], sent["x-model-version"]) == ("vectors", f"r{unit}", answer.model_version)
        assert sent["x-variant"] == {"1": "old", "2": "new"}[answer.model_version]
        versions[unit] = answer.model_version
    assert set(versions.values()) == {"1", "2"}
    predict_url = f"{gateway.url}/v1/models/embeddings:predict"
    for unit, version in versions.items():
        over_http = httpx.post(predict_url, json={"instances": ["alna"]}, headers={"X-Unit-ID": f"u{unit}"})
        assert over_http.headers["x-model-version"] == version
    wait_until(lambda: sum(line.get("request_id", "").startswith("r") for line in log_lines(gateway)) == 20)
    [line] = [line for line in log_lines(gateway) if line.get("request_id") == "r3"]
    assert (line["path"], line["status"], line["model"]) == ("/inference.GRPCInferenceService/ModelInfer", 200, "embeddings")
    assert (str(line["version"]), line["instances"], line["experiment"]) == (versions[3], 1, "vectors")
    assert gateway.metric("headrace_requests_total", model="embeddings", status="200") == 40


def test_an_api_key_is_required_where_keys_are_configured(start):
    gateway, channel = start(auth="keys", api_keys=f"acme:{hashlib.sha256(b's3cret').hexdigest()}")
    assert fault(channel, "alna").code() is Code.UNAUTHENTICATED
    assert fault(channel, "alna", metadata=[("authorization", "Bearer wrong")]).code() is Code.UNAUTHENTICATED
    infer(channel, "alna", metadata=[("authorization", "Bearer s3cret")])
    stub = GRPCInferenceServiceStub(channel)
    assert stub.ServerLive(pb.ServerLiveRequest()).live
    for method, request in (("RepositoryIndex", pb.RepositoryIndexRequest()), ("ModelConfig", pb.ModelConfigRequest(name="weather"))):
        with pytest.raises(grpc.RpcError) as error:
            getattr(stub, method)(request)
        assert error.value.code() is Code.UNAUTHENTICATED
    wait_until(lambda: any(line.get("tenant") == "acme" for line in log_lines(gateway)))


def test_an_overloaded_model_says_when_to_retry(start):
    _, channel = start(max_pending=100, max_in_flight=1)
    ask = GRPCInferenceServiceStub(channel).ModelInfer.future
    many = [infer_request("weather", {"TEXT": [f"{call} {text}".encode() for text in range(64)]}) for call in range(12)]
    answers = [ask(request, timeout=30) for request in many]
    shed = [fault for fault in (answer.exception() for answer in answers) if fault is not None]
    assert 0 < len(shed) < len(answers)
    assert {fault.code() for fault in shed} == {Code.RESOURCE_EXHAUSTED}
    assert all(int(dict(fault.trailing_metadata())["retry-after"]) >= 1 for fault in shed)


def test_with_triton_gone_misses_are_unavailable_and_hits_are_answered(tasks_repository, tmp_path):
    port = free_port()
    embedded = GatewayProcess("--embedded", "--repository", tasks_repository.folder, log=tmp_path / "gateway.log", grpc_port=port)
    with embedded as gateway, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        wait_until(lambda: dict(infer(channel, "alna")[1].initial_metadata())["x-cache"] == "hit")
        os.kill(gateway.child_pid("Triton"), signal.SIGKILL)
        wait_until(lambda: fault(channel, "alna bero cona").code() is Code.UNAVAILABLE)
        assert dict(infer(channel, "alna")[1].initial_metadata())["x-cache"] == "hit"


async def test_a_stream_is_answered_in_order_with_the_errors_of_single_requests(start):
    gateway, _ = await asyncio.to_thread(start)
    models = ["weather", "none", "embeddings", "weather", "moods"] * 20

    async def requests():
        for number, model in enumerate(models):
            tensor = tritonclient.grpc.aio.InferInput("TEXT", [1, 1], "BYTES")
            tensor.set_data_from_numpy(np.array([[b"alna %d" % number]], dtype=np.object_))
            yield {"model_name": model, "inputs": [tensor], "request_id": str(number)}

    async with tritonclient.grpc.aio.InferenceServerClient(f"127.0.0.1:{gateway.grpc_port}") as client:
        answers = [answer async for answer in client.stream_infer(requests())]
    assert len(answers) == len(models)
    for number, (model, (result, error)) in enumerate(zip(models, answers, strict=True)):
        if model == "none":
            assert "no such model" in error.message()
        else:
            response = result.get_response()
            assert (error, response.id, response.model_name) == (None, str(number), model)
            assert response.parameters["triton_final_response"].bool_param


def test_a_stream_of_a_client_that_waits_for_each_response_and_of_one_that_disconnects(start):
    gateway, channel = start()
    answers = queue.Queue()
    with tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{gateway.grpc_port}") as client:
        client.start_stream(lambda result, error: answers.put((result, error)))
        for number in range(5):
            tensor = tritonclient.grpc.InferInput("TEXT", [1, 1], "BYTES")
            tensor.set_data_from_numpy(np.array([[b"alna %d" % number]], dtype=np.object_))
            client.async_stream_infer("weather", [tensor], request_id=str(number))
            result, error = answers.get(timeout=20)
            assert (error, result.get_response().id) == (None, str(number))
        client.stop_stream(cancel_requests=True)
    infer(channel, "still alive")
    assert "internal error" not in gateway.log.read_text()


def listeners(gateway):
    """The workers that listen on the gRPC port."""
    workers = psutil.Process(gateway.process.pid).children(recursive=True)
    return {
        worker.pid
        for worker in workers
        for one in worker.net_connections()
        if (one.status, one.laddr.port) == (psutil.CONN_LISTEN, gateway.grpc_port)
    }


def test_the_workers_share_the_grpc_port(start):
    gateway, _ = start("--workers", 2)
    wait_until(lambda: len(listeners(gateway)) == 2)
    for number in range(20):
        with grpc.insecure_channel(f"127.0.0.1:{gateway.grpc_port}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
            infer(channel, f"alna {number}")
    wait_until(lambda: gateway.metric("headrace_requests_total", model="weather", status="200") == 20)


def test_a_taken_grpc_port_stops_the_start_with_a_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        gateway = GatewayProcess(log=tmp_path / "gateway.log", grpc_port=port)
        assert gateway.process.wait(timeout=60) == 1
    assert gateway.log.read_text().strip().endswith("set HEADRACE_GRPC_PORT to a free port")


def test_rpcs_in_flight_are_finished_when_the_gateway_stops(start, tasks_triton):
    gateway, channel = start()
    texts = [[f"alna {i} {j}" for j in range(64)] for i in range(12)]
    calls = [
        GRPCInferenceServiceStub(channel).ModelInfer.future(infer_request("weather", {"TEXT": [t.encode() for t in batch]}))
        for batch in texts
    ]
    wait_until(lambda: gateway.metric("headrace_items_total", model="weather", result="miss") > 0)
    assert gateway.stop() == 0
    answers = [call.exception(timeout=30) or "answered" for call in calls]
    refused = [answer for answer in answers if answer != "answered"]
    assert {answer.code() for answer in refused} <= {Code.UNAVAILABLE}
    assert "answered" in answers
    assert "internal error" not in gateway.log.read_text()
