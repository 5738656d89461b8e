"""Each method over a real channel, with a fake Triton behind it."""

import asyncio
import contextlib
import re
import struct
from time import time

import grpc
import pytest
from gateway_process import free_port, infer_request
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from gateway.app import create_app
from gateway.errors import INTERNAL_ERROR, BackendBroken, NotReady, Overloaded
from gateway.fakes.manifests import make_manifest
from gateway.fakes.predictions import predict
from gateway.fakes.state import FakeState
from gateway.fakes.triton import FakeTriton
from gateway.grpc_server.methods import METHODS
from gateway.request.rate_limits import RateLimits
from gateway.security.api_keys import make
from gateway.security.key_store import KeyStore
from gateway.settings.settings import Settings

Code = grpc.StatusCode


class Running:
    """A gateway's gRPC server on a fake Triton."""

    def __init__(self, stub, triton, channel, port):
        self.stub, self.triton, self.channel, self.port = stub, triton, channel, port

    async def infer(self, *texts, model="topics", metadata=None, timeout_s=30, **fields):
        request = infer_request(model, {"TEXT": [text.encode() for text in texts]}, **fields)
        return await self.stub.ModelInfer(request, metadata=metadata, timeout=timeout_s)


@contextlib.asynccontextmanager
async def running(predict=predict, state=None, **settings):
    triton, port = FakeTriton(make_manifest("topics", 1), make_manifest("topics", 2), predict=predict), free_port()
    settings = {"auth": "off", "grpc_port": port, "drain_timeout_s": 0} | settings
    app = create_app(Settings(**settings), triton=triton, state=state).api
    async with app.router.lifespan_context(app), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Running(GRPCInferenceServiceStub(channel), triton, channel, port)


async def new_key(state):
    new = make("acme", frozenset({"predict"}), time())
    await KeyStore(state, RateLimits(), RateLimits()).create(new)
    return new


def metadata_of(key):
    return (("authorization", f"Bearer {key.text}"),)


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
        assert ([tensor.name for tensor in described.inputs], [*described.versions]) == (["TEXT", "PARAMETERS"], ["1", "2"])
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
        (["corn"], {"metadata": [("x-unit-attributes", "country")]}, Code.INVALID_ARGUMENT, "X-Unit-Attributes: must be a JSON object"),
        (["corn" * 50_000], {}, Code.INVALID_ARGUMENT, "TEXT.0 has 200000 bytes"),
        (["a" * 9_000_000], {}, Code.RESOURCE_EXHAUSTED, "larger than max"),
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
        assert 0 < call.timeout_s < 5.0  # gRPC adds what the way may take; without a client's own it is 10


async def first_settings(port):
    """The HTTP/2 settings that a server opens a connection with, by their numbers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
    head = await reader.readexactly(9)
    payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
    writer.close()
    assert head[3] == 4  # the type SETTINGS
    return dict(struct.iter_unpack(">HI", payload))


async def test_a_connection_has_a_greatest_number_of_streams():
    async with running(grpc_max_streams=7) as server:
        assert (await first_settings(server.port))[3] == 7  # SETTINGS_MAX_CONCURRENT_STREAMS


async def never():
    await asyncio.Event().wait()
    yield


@pytest.mark.parametrize("method", ["ModelInfer", "ModelConfig", "ModelStreamInfer"])
async def test_who_is_not_let_in_is_refused_before_its_message_has_come(method):
    async with running(auth="keys", state=FakeState()) as server:
        call = server.channel.stream_unary(f"/inference.GRPCInferenceService/{method}")(never(), timeout=10)
        found = await fault(call)
        assert (found.code(), "API key" in found.details()) == (Code.UNAUTHENTICATED, True)


@pytest.mark.parametrize("method", ["ServerLive", "ServerReady", "ServerMetadata"])
async def test_methods_that_read_no_message_are_answered_before_it_has_come(method):
    read = getattr(pb, f"{method}Response").FromString
    async with running(auth="keys", state=FakeState()) as server:
        call = server.channel.stream_unary(f"/inference.GRPCInferenceService/{method}", response_deserializer=read)
        answer = await call(never(), timeout=10)
        assert next(value for _, value in answer.ListFields()) in (True, "headrace")


async def test_an_open_stream_refuses_what_comes_after_its_key_was_revoked():
    state = FakeState()
    key = await new_key(state)
    store = KeyStore(state, RateLimits(), RateLimits())
    async with running(auth="keys", state=state, key_refresh_s=0.01) as server:
        stream = server.stub.ModelStreamInfer(metadata=metadata_of(key))
        faults = []
        while not any(faults):
            await stream.write(infer_request("topics", {"TEXT": [b"corn"]}))
            faults.append((await stream.read()).error_message)
            await store.revoke(key.key.id, time())
        stream.cancel()
    assert faults[0] == ""
    assert faults[-1] == "this API key is not known"


async def test_a_key_is_let_in_over_grpc():
    state = FakeState()
    key = await new_key(state)
    async with running(auth="keys", state=state) as server:
        assert (await server.infer("corn", metadata=metadata_of(key))).model_name == "topics"


async def test_of_two_keys_neither_is_taken():
    state = FakeState()
    key = await new_key(state)
    async with running(auth="keys", state=state) as server:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await server.infer("corn", metadata=(*metadata_of(key), *metadata_of(key)))
        assert (refused.value.code(), refused.value.details()) == (
            Code.INVALID_ARGUMENT,
            "authorization: the request has this header more than once; send one",
        )


async def test_a_model_may_be_named_by_an_alias():
    async with running(model_aliases={"reuters/topics:latest": "topics"}) as server:
        expected = await server.infer("corn")
        assert await server.infer("corn", model="reuters/topics:latest") == expected
        assert (await server.stub.ModelReady(pb.ModelReadyRequest(name="reuters/topics:latest"))).ready
