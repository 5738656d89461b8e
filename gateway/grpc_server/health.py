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
from gateway.errors import GatewayError, NotFound, Overloaded, TooSlow
from gateway.grpc_server.health_messages import NOT_SERVING, SERVICE, SERVICE_UNKNOWN, SERVING, HealthCheckRequest, HealthCheckResponse
from gateway.grpc_server.rpc import Observed, Rpc, Rpcs, code_of
from gateway.grpc_server.service import SERVICE as INFERENCE
from gateway.http_server.drain import Drain
from gateway.stack import Stack, stack_of

READ_TIMEOUT_S = 5.0
"""How long the message, of some bytes, may take: nobody is known before it has come."""
READ_AT_ONCE = 8
"""So many messages are received at once: a stranger's may be as large as any, and come slowly."""
WATCH_S = 1.0
"""How often a watched status is looked at, and the key of who watches a model."""
MAX_WATCHES = 1000
"""Most open watches of a process: strangers may open them, too."""
_SERVER = ("", INFERENCE)


class Health:
    """The methods of the service; `handler` is what a server takes."""

    def __init__(self, app: Starlette, drain: Drain, observed: Observed) -> None:
        self._app, self._drain = app, drain
        self._rpcs = Rpcs(app, SERVICE, observed)
        self._reading = asyncio.Semaphore(READ_AT_ONCE)
        self._watches = 0

    def handler(self) -> Any:
        """Both methods. They read their message themselves, and so bound its time."""
        methods = {
            name: grpc.stream_stream_rpc_method_handler(method, HealthCheckRequest.FromString, HealthCheckResponse.SerializeToString)
            for name, method in (("Check", self._check), ("Watch", self._watch))
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    async def _check(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        rpc, _, _ = await self._first("Check", requests, context)
        if rpc.fault is not None:
            await context.abort(code_of(rpc.fault), rpc.fault.message)
        yield HealthCheckResponse(status=rpc.response)

    async def _watch(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        rpc, service, call = await self._first("Watch", requests, context)
        if rpc.fault is not None and not isinstance(rpc.fault, NotFound):
            await context.abort(code_of(rpc.fault), rpc.fault.message)
        told = SERVICE_UNKNOWN if rpc.response is None else rpc.response
        yield HealthCheckResponse(status=told)
        self._watches += 1
        try:
            async for now in self._changes(service, call, told):
                yield HealthCheckResponse(status=now)
        except GatewayError as exc:
            await context.abort(code_of(exc), exc.message)
        finally:
            self._watches -= 1

    async def _changes(self, service: str, call: Call | None, told: int) -> AsyncIterator[int]:
        """The statuses of a service after `told`, as long as its watcher may ask about it.

        Raises:
            GatewayError: the watcher's key was revoked or has expired.
        """
        while not self._drain.over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._drain.over.wait(), WATCH_S)
            if call is not None:
                await call.check()
            if (now := _watched(stack_of(self._app), service)) != told:
                told = now
                yield now

    async def _first(self, method: str, requests: AsyncIterator[Any], context: Any) -> tuple[Rpc[int], str, Call | None]:
        """The status as an RPC of its own, logged and measured, the service asked about, and the
        call of who asks about a model.
        """
        service, call = "", None

        async def respond(http: Request) -> int:
            nonlocal service, call
            if method == "Watch" and self._watches >= MAX_WATCHES:
                raise Overloaded(f"{MAX_WATCHES} watches are open already; use Check")
            service = await self._asked_about(requests)
            if service not in _SERVER:
                call = await Call.enter(http)
            return _status(stack_of(self._app), service)

        rpc = await self._rpcs.run(method, context, respond)
        await context.send_initial_metadata(rpc.metadata)
        return rpc, service, call

    async def _asked_about(self, requests: AsyncIterator[Any]) -> str:
        try:
            async with asyncio.timeout(READ_TIMEOUT_S), self._reading:
                service: str = (await anext(requests)).service
        except (TimeoutError, StopAsyncIteration) as exc:
            raise TooSlow("the message did not come in time") from exc
        return service


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
