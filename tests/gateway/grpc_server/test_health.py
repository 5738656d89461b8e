"""`grpc.health.v1` over a real channel. Its bytes are those of the protocol's `health.proto`:
`service` is field 1, a string; `status` is field 1, an enum, of which 0 is not sent.
"""

import asyncio
import contextlib
import hashlib
from time import time

import grpc
import pytest
from gateway_process import free_port

from gateway.app import create_app
from gateway.fakes.manifests import make_manifest
from gateway.fakes.state import FakeState
from gateway.fakes.triton import FakeTriton
from gateway.grpc_server import health
from gateway.request.rate_limits import RateLimits
from gateway.security.api_keys import make
from gateway.security.key_store import KeyStore
from gateway.settings.settings import Settings

SERVING, NOT_SERVING, SERVICE_UNKNOWN = b"\x08\x01", b"\x08\x02", b"\x08\x03"
METHOD = "/grpc.health.v1.Health/"
KEY = (("authorization", "Bearer s3cret"),)


def asks(service):
    return b"\x0a" + bytes([len(service)]) + service.encode() if service else b""


@contextlib.asynccontextmanager
async def running(state=None, **settings):
    triton, port = FakeTriton(make_manifest("topics", 1)), free_port()
    app = create_app(
        Settings(**{"auth": "off", "grpc_port": port, "drain_timeout_s": 0, "catalog_refresh_s": 0.05, **settings}),
        triton=triton,
        state=state,
    )
    async with app.api.router.lifespan_context(app.api), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel, triton, app.api


async def fault(call):
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value.code()


async def test_the_server_and_its_models_are_services():
    async with running(model_aliases={"topic": "topics"}) as (channel, _, _):
        check = channel.unary_unary(METHOD + "Check")
        for service in ("", "inference.GRPCInferenceService", "topics", "topic"):
            assert await check(asks(service), timeout=10) == SERVING
        assert await fault(check(asks("none"), timeout=10)) == grpc.StatusCode.NOT_FOUND


async def test_a_model_that_does_not_answer_is_not_serving():
    async with running() as (channel, triton, _):
        watched = channel.unary_stream(METHOD + "Watch")(asks("topics"), timeout=30)
        assert await watched.read() == SERVING
        triton.unload("topics", 1)
        assert await watched.read() == NOT_SERVING
        assert await channel.unary_unary(METHOD + "Check")(asks("topics"), timeout=10) == NOT_SERVING
        assert await channel.unary_unary(METHOD + "Check")(asks(""), timeout=10) == SERVING


async def test_a_watch_of_an_unknown_service_waits_for_it_and_ends_with_the_server():
    async with running(drain_timeout_s=3) as (channel, triton, app):
        watched = channel.unary_stream(METHOD + "Watch")(asks("later"), timeout=30)
        assert await watched.read() == SERVICE_UNKNOWN
        triton.serve(make_manifest("later", 1))
        assert await watched.read() == SERVING
        whole = channel.unary_stream(METHOD + "Watch")(asks(""), timeout=30)
        assert await whole.read() == SERVING
        app.state.stack.drain.draining = True
        app.state.stack.drain.over.set()
        assert await whole.read() == NOT_SERVING
        assert await whole.read() == grpc.aio.EOF


async def test_a_key_is_asked_for_models_alone():
    async with running(auth="keys", api_keys=f"acme:{hashlib.sha256(b's3cret').hexdigest()}") as (channel, _, _):
        check = channel.unary_unary(METHOD + "Check")
        assert await check(asks(""), timeout=10) == SERVING
        assert await fault(check(asks("topics"), timeout=10)) == grpc.StatusCode.UNAUTHENTICATED
        assert await check(asks("topics"), timeout=10, metadata=KEY) == SERVING


async def test_a_watch_of_a_model_ends_when_its_key_is_revoked():
    state, key = FakeState(), make("acme", frozenset({"predict"}), time())
    store = KeyStore(state, RateLimits(), RateLimits())
    await store.create(key)
    async with running(state, auth="keys", key_refresh_s=0.01) as (channel, _, _):
        watched = channel.unary_stream(METHOD + "Watch")(asks("topics"), timeout=30, metadata=(("authorization", f"Bearer {key.text}"),))
        assert await watched.read() == SERVING
        await store.revoke(key.key.id, time())
        assert await fault(watched.read()) == grpc.StatusCode.UNAUTHENTICATED


async def never():
    await asyncio.Future()
    yield b""


async def test_those_whose_message_does_not_come_hold_up_no_more_than_are_received_at_once():
    async with running() as (channel, _, _):
        silent = [channel.stream_unary(METHOD + "Check")(never(), timeout=20) for _ in range(health.READ_AT_ONCE - 1)]
        assert await channel.unary_unary(METHOD + "Check")(asks(""), timeout=10) == SERVING
        for call in silent:
            call.cancel()
