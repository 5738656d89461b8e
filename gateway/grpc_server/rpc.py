"""An RPC as the HTTP request that it is on the wire, so that both have the same phases.

gRPC posts to `/<service>/<method>` with its metadata as headers. An RPC is given to `Observe`,
`Call` and what they stand on as such a request: the same code authenticates, logs and measures it,
and the response headers become the RPC's initial metadata.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, NoReturn, TypeVar

import grpc
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.calls.replacement import answer_again
from gateway.errors import INTERNAL_ERROR, GatewayError, PackageReplaced
from gateway.request.context import CONTEXT, RPC, RequestContext

Response = TypeVar("Response")
Metadata = list[tuple[str, str]]
Observed = Callable[[ASGIApp], ASGIApp]
"""Puts the first and the last phase of a request, as `Observe`, around an application."""


@dataclass(slots=True)
class Rpc(Generic[Response]):
    """An RPC: the function that answers it, then its response or fault, and initial metadata."""

    respond: Callable[[Request], Awaitable[Response]]
    response: Response | None = None
    fault: GatewayError | None = None
    metadata: Metadata = field(default_factory=list)


class Rpcs:
    """Runs RPCs for an application; `observed` puts the phases of a request around each."""

    def __init__(self, app: Starlette, service: str, observed: Observed) -> None:
        self._app, self._service = app, service
        self._observed = observed(_run)

    async def run(self, method: str, context: Any, respond: Callable[[Request], Awaitable[Response]]) -> Rpc[Response]:
        """Answer an RPC by `respond`, whose `GatewayError`s are the RPC's fault."""
        rpc = Rpc(respond)
        scope = {
            "type": "http",
            "http_version": "2",
            "method": "POST",
            "scheme": "http",
            "path": f"/{self._service}/{method}",
            "query_string": b"",
            "headers": _headers(context.invocation_metadata()),
            "app": self._app,
            "client": context.peer(),
            RPC: rpc,
        }

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                rpc.metadata = [(name.decode(), value.decode()) for name, value in message["headers"] if name != b"content-type"]

        await self._observed(scope, _receive, send)
        if rpc.response is None and rpc.fault is None:
            rpc.fault = GatewayError(INTERNAL_ERROR)
        return rpc


async def _run(scope: Scope, receive: Receive, send: Send) -> None:
    rpc: Rpc[Any] = scope[RPC]
    status = 200
    request = Request(scope, receive)
    try:
        try:
            rpc.response = await rpc.respond(request)
        except PackageReplaced:
            rpc.response = await answer_again(rpc.respond, request)
    except GatewayError as exc:
        ctx: RequestContext = scope[CONTEXT]
        ctx.error = repr(exc.__cause__ or exc)
        rpc.fault, status = exc, exc.status
    await send({"type": "http.response.start", "status": status, "headers": []})


async def _receive() -> NoReturn:
    """Wait for ever: there is no more to receive than the message that came with the RPC.

    A client that leaves cancels the RPC's task.
    """
    await asyncio.Future()
    raise AssertionError


def _headers(metadata: Any) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1", "replace")) for name, value in metadata or () if isinstance(value, str)]


def code_of(fault: GatewayError) -> Any:
    """The gRPC status of an error, by its HTTP status."""
    return _CODES.get(fault.status, grpc.StatusCode.INTERNAL)


_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    413: grpc.StatusCode.INVALID_ARGUMENT,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    501: grpc.StatusCode.UNIMPLEMENTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
