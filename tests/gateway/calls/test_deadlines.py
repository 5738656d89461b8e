"""A deadline is counted once, from when the request arrived, however often it is answered."""

import asyncio

import grpc
import httpx
import pytest
from gateway_process import free_port, infer_request
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from gateway.app import create_app
from gateway.errors import PackageReplaced
from gateway.fakes.manifests import make_manifest
from gateway.fakes.triton import FakeTriton
from gateway.settings.settings import Settings

TAKES_S = 0.2
ALLOWED_S = 5.0
TIMEOUT = {"timeout": pb.InferParameter(int64_param=int(ALLOWED_S * 1e6))}
TENSOR = {"name": "TEXT", "shape": [1, 1], "datatype": "BYTES", "data": ["a"]}


class Replaced(FakeTriton):
    """A Triton whose package was replaced when its first call ends; `ends` are the calls' ends."""

    def __init__(self, *manifests):
        super().__init__(*manifests)
        self.ends = []

    async def infer(self, manifest, items, timeout_s, priority):
        self.ends.append(asyncio.get_running_loop().time() + timeout_s)
        if len(self.ends) == 1:
            await asyncio.sleep(TAKES_S)
            raise PackageReplaced("replaced")
        return await super().infer(manifest, items, timeout_s, priority)


def by_header(client, stub):
    headers = {"X-Request-Timeout-Ms": f"{ALLOWED_S * 1e3}"}
    return client.post("/v1/models/topics:predict", json={"instances": ["a"]}, headers=headers)


def by_parameter(client, stub):
    body = {"inputs": [TENSOR], "parameters": {"timeout": int(ALLOWED_S * 1e6)}}
    return client.post("/v2/models/topics/infer", json=body)


def by_setting(client, stub):
    return client.post("/v1/models/topics:predict", json={"instances": ["a"]})


def by_grpc(client, stub):
    return stub.ModelInfer(infer_request("topics", {"TEXT": [b"a"]}), timeout=ALLOWED_S)


def by_parameter_over_grpc(client, stub):
    return stub.ModelInfer(infer_request("topics", {"TEXT": [b"a"]}, parameters=TIMEOUT))


@pytest.mark.parametrize("ask", [by_header, by_parameter, by_setting, by_grpc, by_parameter_over_grpc])
async def test_answering_again_does_not_begin_the_deadline_anew(ask):
    triton, port = Replaced(make_manifest("topics")), free_port()
    gateway = create_app(Settings(auth="off", grpc_port=port, drain_timeout_s=0), triton=triton)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(gateway), base_url="http://gateway")
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
    async with gateway.api.router.lifespan_context(gateway.api), client, channel:
        await ask(client, GRPCInferenceServiceStub(channel))
    first, second = triton.ends
    assert second - first < TAKES_S / 2
