"""`grpc.health.v1.Health`: whether the server, or one of its models, answers.

The service asked about is "" or the Open Inference Protocol's for the server, as `/readyz`, or the
name of a model, for which a key is needed where keys are asked for.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import grpc
from starlette.applications import Starlette
from starlette.requests import Request

from gateway.calls.call import Call
from gateway.errors import GatewayError, NotFound, TooSlow
from gateway.grpc_server.health_messages import NOT_SERVING, SERVICE, SERVICE_UNKNOWN, SERVING, HealthCheckRequest, HealthCheckResponse
from gateway.grpc_server.rpc import Observed, Rpc, Rpcs, code_of
from gateway.grpc_server.service import SERVICE as INFERENCE
from gateway.http_server.drain import Drain
from gateway.stack import Stack, stack_of

READ_TIMEOUT_S = 5.0
"""How long the message, of some bytes, may take: nobody is known before it has come."""
WATCH_S = 1.0
"""How often a watched status is looked at."""
_SERVER = ("", INFERENCE)


class Health:
    """The methods of the service; `handler` is what a server takes."""

    def __init__(self, app: Starlette, drain: Drain, observed: Observed) -> None:
        self._app, self._drain = app, drain
        self._rpcs = Rpcs(app, SERVICE, observed)

    def handler(self) -> Any:
        """Both methods. They read their message themselves, and so bound its time."""
        methods = {
            name: grpc.stream_stream_rpc_method_handler(method, HealthCheckRequest.FromString, HealthCheckResponse.SerializeToString)
            for name, method in (("Check", self._check), ("Watch", self._watch))
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    async def _check(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        rpc, _ = await self._first("Check", requests, context)
        if rpc.fault is not None:
            await context.abort(code_of(rpc.fault), rpc.fault.message)
        yield HealthCheckResponse(status=rpc.response)

    async def _watch(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        rpc, service = await self._first("Watch", requests, context)
        if rpc.fault is not None and not isinstance(rpc.fault, NotFound):
            await context.abort(code_of(rpc.fault), rpc.fault.message)
        told = SERVICE_UNKNOWN if rpc.response is None else rpc.response
        yield HealthCheckResponse(status=told)
        while not self._drain.over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._drain.over.wait(), WATCH_S)
            if (now := _watched(stack_of(self._app), service)) != told:
                told = now
                yield HealthCheckResponse(status=told)

    async def _first(self, method: str, requests: AsyncIterator[Any], context: Any) -> tuple[Rpc[int], str]:
        """The status as an RPC of its own, logged and measured, and the service asked about."""
        service = ""

        async def respond(http: Request) -> int:
            nonlocal service
            try:
                service = (await asyncio.wait_for(anext(requests), READ_TIMEOUT_S)).service
            except (TimeoutError, StopAsyncIteration) as exc:
                raise TooSlow("the message did not come in time") from exc
            if service not in _SERVER:
                await Call.enter(http)
            return _status(stack_of(self._app), service)

        rpc = await self._rpcs.run(method, context, respond)
        await context.send_initial_metadata(rpc.metadata)
        return rpc, service


def _status(stack: Stack, service: str) -> int:
    """Whether a service answers.

    Raises:
        NotFound: there is no such service.
        NotReady: the catalog has not been read yet.
    """
    if service in _SERVER:
        return SERVING if stack.ready else NOT_SERVING
    model = stack.catalog.current.model(service)
    return SERVING if stack.ready and model.is_ready(model.default_version) else NOT_SERVING


def _watched(stack: Stack, service: str) -> int:
    try:
        return _status(stack, service)
    except NotFound:
        return SERVICE_UNKNOWN
    except GatewayError:
        return NOT_SERVING
