"""Each method over a real channel, with a fake Triton behind it."""

import contextlib
import re

import grpc
import pytest
from gateway_process import free_port, infer_request
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from gateway.app import create_app
from gateway.errors import INTERNAL_ERROR, BackendBroken, NotReady, Overloaded
from gateway.fakes.manifests import make_manifest
from gateway.fakes.predictions import predict
from gateway.fakes.triton import FakeTriton
from gateway.grpc_server.methods import METHODS
from gateway.settings.settings import Settings

Code = grpc.StatusCode


class Running:
    """A gateway's gRPC server on a fake Triton."""

    def __init__(self, stub, triton):
        self.stub, self.triton = stub, triton

    async def infer(self, *texts, model="topics", metadata=None, timeout_s=30, **fields):
        request = infer_request(model, {"TEXT": [text.encode() for text in texts]}, **fields)
        return await self.stub.ModelInfer(request, metadata=metadata, timeout=timeout_s)


@contextlib.asynccontextmanager
async def running(predict=predict, **settings):
    triton, port = FakeTriton(make_manifest("topics", 1), make_manifest("topics", 2), predict=predict), free_port()
    app = create_app(Settings(auth="off", grpc_port=port, drain_timeout_s=0, **settings), triton=triton).api
    async with app.router.lifespan_context(app), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Running(GRPCInferenceServiceStub(channel), triton)


async def fault(call):
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value


async def test_server_and_models_are_described():
    async with running() as server:
        assert (await server.stub.ServerLive(pb.ServerLiveRequest())).live
        assert (await server.stub.ServerReady(pb.ServerReadyRequest())).ready
        assert (await server.stub.ServerMetadata(pb.ServerMetadataRequest())).name == "headrace"
        described = await server.stub.ModelMetadata(pb.ModelMetadataRequest(name="topics"))
        assert ([tensor.name for tensor in described.inputs], [*described.versions]) == (["TEXT"], ["1", "2"])
        assert (await server.stub.ModelConfig(pb.ModelConfigRequest(name="topics"))).config.backend == "headrace"
        index = await server.stub.RepositoryIndex(pb.RepositoryIndexRequest())
        assert [(entry.name, entry.version, entry.state) for entry in index.models] == [("topics", "1", "READY"), ("topics", "2", "READY")]


@pytest.mark.parametrize(
    ("model", "version", "ready"), [("topics", "", True), ("topics", "2", True), ("topics", "7", False), ("no", "", False)]
)
async def test_a_model_is_ready_where_it_answers(model, version, ready):
    async with running() as server:
        assert (await server.stub.ModelReady(pb.ModelReadyRequest(name=model, version=version))).ready is ready


async def test_an_inference_has_a_row_for_each_item_and_the_headers_as_metadata():
    async with running() as server:
        call = server.stub.ModelInfer(infer_request("topics", {"TEXT": [b"corn", b"wheat"]}, model_version="1", id="7"))
        answer = await call
        assert (answer.id, answer.model_version) == ("7", "1")
        assert [(output.name, [*output.shape]) for output in answer.outputs] == [("SCORES", [2, 2]), ("TOKENS", [2, 1]), ("ERROR", [2, 1])]
        assert dict(await call.initial_metadata())["x-model-version"] == "1"
        assert [made.texts for made in server.triton.calls] == [["corn", "wheat"]]


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (Overloaded("full", 7), Code.RESOURCE_EXHAUSTED),
        (NotReady("gone", 7), Code.UNAVAILABLE),
        (BackendBroken("broken", 7), Code.INTERNAL),
    ],
)
async def test_a_fault_has_its_code_its_sentence_and_when_to_come_back(raised, code):
    async with running(retry_share=0) as server:
        server.triton.fault = raised
        found = await fault(server.infer("corn"))
        assert (found.code(), found.details(), dict(found.trailing_metadata())["retry-after"]) == (code, raised.message, "7")


@pytest.mark.parametrize(
    ("texts", "options", "code", "sentence"),
    [
        (["corn"], {"model": "none"}, Code.NOT_FOUND, "no such model"),
        (["corn"], {"model_version": "7"}, Code.NOT_FOUND, "no version 7"),
        (["corn"], {"model_version": "x"}, Code.INVALID_ARGUMENT, "model_version: must be a whole number"),
        ([], {}, Code.INVALID_ARGUMENT, "n is at least 1"),
        (["corn"], {"metadata": [("x-unit-id", "u" * 300)]}, Code.INVALID_ARGUMENT, "X-Unit-ID"),
        (["corn" * 50_000], {}, Code.INVALID_ARGUMENT, "TEXT.0 has 200000 bytes"),
        (["a" * 3_000_000], {}, Code.RESOURCE_EXHAUSTED, "larger than max"),
        (["never asked"], {"timeout_s": 0.000_001}, Code.DEADLINE_EXCEEDED, "Deadline|in time"),  # by the client or the server
        (["never asked"], {"metadata": [("x-request-timeout-ms", "0.01")]}, Code.DEADLINE_EXCEEDED, "did not come in time"),
    ],
    ids=lambda value: str(value)[:24],
)
async def test_faults_have_grpcs_statuses_and_a_sentence(texts, options, code, sentence):
    async with running() as server:
        server.triton.hold()  # only what is late comes so far
        found = await fault(server.infer(*texts, **options))
        assert (found.code(), bool(re.search(sentence, found.details()))) == (code, True), found.details()
        server.triton.release()
        await server.infer("still alive")


async def test_a_fault_of_ours_is_internal_and_says_nothing():
    def broken(manifest, item):
        raise KeyError("secret")

    async with running(broken) as server:
        found = await fault(server.infer("corn"))
        assert (found.code(), found.details()) == (Code.INTERNAL, INTERNAL_ERROR)


async def test_every_method_of_the_protocol_is_answered_or_refused_with_a_reason():
    protocol = pb.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods
    assert {method.name for method in protocol} == {*METHODS, "ModelStreamInfer"}
    async with running() as server:
        for method in ("ModelStatistics", "TraceSetting", "LogSettings", "RepositoryModelLoad", "CudaSharedMemoryRegister"):
            found = await fault(getattr(server.stub, method)(getattr(pb, f"{method}Request")()))
            assert (found.code(), bool(found.details())) == (Code.UNIMPLEMENTED, True)


async def test_a_stream_is_answered_in_order_while_a_request_in_it_fails_alone():
    async def requests():
        for number, model in enumerate(["topics", "none", "topics"]):
            yield infer_request(model, {"TEXT": [b"corn %d" % number]}, id=str(number))

    async with running() as server:
        answers = [answer async for answer in server.stub.ModelStreamInfer(requests())]
    assert [answer.infer_response.id for answer in answers] == ["0", "1", "2"]
    assert [bool(answer.error_message) for answer in answers] == [False, True, False]
    assert answers[2].infer_response.parameters["triton_final_response"].bool_param


async def test_the_time_that_a_client_allows_bounds_the_call_to_triton():
    async with running() as server:
        await server.stub.ModelInfer(infer_request("topics", {"TEXT": [b"corn"]}), timeout=2.0)
        [call] = server.triton.calls
        assert 0 < call.timeout_s < 3.0  # gRPC adds what the way may take
