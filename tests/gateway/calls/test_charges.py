"""What stays charged of a request without an answer: what was computed for it, over every door."""

import asyncio
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from functools import partial
from time import time
from typing import NamedTuple

import grpc
import httpx
import pytest
from gateway_process import free_port, infer_request
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from gateway.app import create_app
from gateway.embedded.valkey import Valkey
from gateway.errors import BackendBroken, Overloaded
from gateway.fakes.manifests import make_manifest
from gateway.fakes.state import FakeState
from gateway.fakes.triton import FakeTriton
from gateway.lane import Lane
from gateway.request.rate_limits import RateLimits
from gateway.security.api_keys import make
from gateway.security.key_store import KeyStore
from gateway.settings.settings import Settings
from gateway.stack import stack_of

QUOTA = 1000
PREDICT = "/v1/models/topics:predict"
FEW_CALLS = {"max_in_flight": 1, "max_pending": 4, "retry_share": 0}
SOON = {"X-Request-Timeout-Ms": "50"}
LATER = {"X-Request-Timeout-Ms": "500"}
"""Late enough for the call to begin on a slow machine."""


class HeldAgain(FakeTriton):
    """A Triton that can hold later calls while it lets an earlier one go on."""

    answers_before_hold = -1

    def hold_after(self, answers):
        """Hold again after so many answers from now on."""
        self.answers_before_hold = answers

    async def infer(self, *call):
        rows = await super().infer(*call)
        self.answers_before_hold -= 1
        if not self.answers_before_hold:
            self.hold()
        return rows


class Running(NamedTuple):
    """A gateway that asks for keys, and whose Triton computes one call at a time."""

    client: httpx.AsyncClient
    stub: GRPCInferenceServiceStub
    triton: HeldAgain
    lane: Callable[[], Lane]
    key: dict[str, str]
    other_key: dict[str, str]

    def predict(self, *texts, **headers):
        return self.client.post(PREDICT, json={"instances": texts}, headers=self.key | headers)

    async def charged(self):
        """How many items the key has been charged so far."""
        nothing = await self.predict("never asked", **{"Cache-Control": "only-if-cached"})
        assert nothing.status_code == 504
        return QUOTA - int(nothing.headers["x-ratelimit-remaining"])

    async def waiting(self, items):
        """Wait until so many items wait for a call."""
        async with asyncio.timeout(30):
            while f" {items} waiting" not in repr(self.lane()):  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0)

    @asynccontextmanager
    async def busy(self):
        """Inside, Triton is busy with a call of another key, and all else waits."""
        self.triton.hold()
        earlier = len(self.triton.calls)
        call = asyncio.create_task(self.client.post(PREDICT, json={"instances": ["first"]}, headers=self.other_key))
        await self.triton.called(earlier + 1)
        yield
        self.triton.release()
        assert (await call).status_code == 200


async def key_of(state, tenant):
    new = make(tenant, frozenset({"predict"}), time(), limits=RateLimits(items_per_day=QUOTA))
    await KeyStore(state, RateLimits(), RateLimits()).create(new)
    return {"authorization": f"Bearer {new.text}"}


@asynccontextmanager
async def running(**settings):
    state, triton, port = FakeState(), HeldAgain(make_manifest("topics"), instances=1), free_port()
    gateway = create_app(Settings(**FEW_CALLS | settings, grpc_port=port, drain_timeout_s=0), triton=triton, state=state)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(gateway), base_url="http://gateway")
    async with (
        gateway.api.router.lifespan_context(gateway.api),
        client,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        stub = GRPCInferenceServiceStub(channel)
        lane = partial(stack_of(gateway.api).lanes.of, "topics", 1)
        yield Running(client, stub, triton, lane, await key_of(state, "acme"), await key_of(state, "bee"))


async def test_what_expired_in_the_queue_is_not_charged():
    async with running() as gateway:
        async with gateway.busy():
            assert (await gateway.predict("a", "b", "c", **SOON)).status_code == 504
        assert await gateway.charged() == 0


async def test_what_ran_out_of_time_while_it_was_computed_is_charged():
    async with running() as gateway:
        gateway.triton.hold()
        assert (await gateway.predict("a", **LATER)).status_code == 504
        gateway.triton.release()
        assert await gateway.charged() == 1


async def test_of_what_was_shed_the_computed_part_is_charged():
    async with running() as gateway:
        gateway.triton.hold()
        large = asyncio.create_task(gateway.predict(*"abcdefgh"))
        await gateway.triton.called(1)
        small = asyncio.create_task(gateway.client.post(PREDICT, json={"instances": ["one"]}, headers=gateway.other_key))
        await gateway.waiting(1)  # the large request was shed for it
        gateway.triton.release()
        assert ((await large).status_code, (await small).status_code) == (429, 200)
        computed = len(gateway.triton.calls[0].items)
        assert 0 < computed < 8
        assert await gateway.charged() == computed


async def test_what_a_full_queue_refuses_is_not_charged():
    async with running() as gateway:
        async with gateway.busy():
            waiting = asyncio.create_task(gateway.client.post(PREDICT, json={"instances": list("wxyz")}, headers=gateway.other_key))
            await gateway.waiting(4)
            assert (await gateway.predict(*"abcdef")).status_code == 429
        await waiting
        assert await gateway.charged() == 0


@pytest.mark.parametrize("fault", [BackendBroken("broken"), Overloaded("full")])
async def test_what_the_model_server_failed_at_is_not_charged(fault):
    async with running() as gateway:
        gateway.triton.fault = fault
        assert (await gateway.predict("a", "b")).status_code == fault.status
        assert await gateway.charged() == 0


@pytest.mark.integration
async def test_hits_of_a_request_without_an_answer_are_not_charged():
    with Valkey() as valkey:
        async with running(cache_url=valkey.url, cache_timeout_ms=5000) as gateway:
            await hits_are_charged_with_the_answer(gateway)


async def hits_are_charged_with_the_answer(gateway):
    assert (await gateway.predict("a", "b")).status_code == 200
    gateway.triton.fault = BackendBroken("broken")
    assert (await gateway.predict("a", "b", "c")).status_code == 502
    assert await gateway.charged() == 2
    assert (await gateway.predict("a", "b")).headers["x-cache"] == "hit"
    gateway.triton.fault = None
    assert await gateway.charged() == 4


async def test_the_items_of_who_leaves_while_they_wait_are_not_charged():
    async with running() as gateway:
        async with gateway.busy():
            call = asyncio.create_task(gateway.predict("a", "b"))
            await gateway.waiting(2)
            call.cancel()
            await asyncio.wait([call])
        assert await gateway.charged() == 0


async def test_all_who_leave_one_computation_are_charged_for_it():
    async with running() as gateway:
        async with gateway.busy():
            calls = [asyncio.create_task(gateway.predict("a", **SOON)), asyncio.create_task(gateway.predict("a"))]
            assert (await calls[0]).status_code == 504
            gateway.triton.hold_after(1)
        await gateway.triton.called(2)  # for the text of both, of which one has left
        calls[1].cancel()
        await asyncio.wait(calls)
        gateway.triton.release()
        assert await gateway.charged() == 1


async def test_the_lines_of_a_stream_are_charged_as_requests_are():
    lines = b"".join(b'"line %d"\n' % number for number in range(3))

    def stream(gateway, **headers):
        return gateway.client.post("/v1/models/topics:predictStream", content=lines, headers=gateway.key | headers)

    async with running() as gateway:
        async with gateway.busy():
            answer = await stream(gateway, **SOON)
            assert [json.loads(line)["status"] for line in answer.text.splitlines()] == [504] * 3
        assert await gateway.charged() == 0
        gateway.triton.fault = BackendBroken("broken")
        await stream(gateway)
        assert await gateway.charged() == 0
        gateway.triton.fault = None
        await stream(gateway)
        assert await gateway.charged() == 3


async def test_an_rpc_that_expires_in_the_queue_is_not_charged():
    request = infer_request("topics", {"TEXT": [b"%d" % number for number in range(4)]})
    async with running() as gateway:
        metadata = tuple(gateway.key.items())
        async with gateway.busy():
            with pytest.raises(grpc.aio.AioRpcError):
                await gateway.stub.ModelInfer(request, metadata=metadata, timeout=0.05)
        assert await gateway.charged() == 0


async def test_an_rpc_that_is_cancelled_is_charged_for_what_was_computed():
    request = infer_request("topics", {"TEXT": [b"%d" % number for number in range(8)]})
    async with running(max_pending=8) as gateway:
        gateway.triton.hold()
        rpc = gateway.stub.ModelInfer(request, metadata=tuple(gateway.key.items()))
        await gateway.triton.called(1)
        assert await gateway.charged() == 8
        rpc.cancel()
        while (charged := await gateway.charged()) == 8:  # until the server has seen that the client left
            pass
        gateway.triton.release()
        assert charged == len(gateway.triton.calls[0].items) < 8
