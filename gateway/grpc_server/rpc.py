"""An RPC as the HTTP request that it is on the wire, so that both have the same phases.

gRPC posts to `/<service>/<method>` with its metadata as headers. Told so, `Observe`, `Call` and what they stand on authenticate, log
and measure an RPC by the same code, and their response headers become its initial metadata.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, NoReturn, TypeVar

import grpc
from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import INTERNAL_ERROR, GatewayError
from gateway.request.context import CONTEXT, RPC, RequestContext

Answer = TypeVar("Answer")
Metadata = list[tuple[str, str]]


@dataclass(slots=True)
class Rpc(Generic[Answer]):
    """An RPC under way: what answers it, and then its answer or its fault, with its initial metadata."""

    ask: Callable[[Request], Awaitable[Answer]]
    answer: Answer | None = None
    fault: GatewayError | None = None
    metadata: Metadata = field(default_factory=list)


class Rpcs:
    """Runs RPCs for an application; `observed` puts the first and last phase of a request around them."""

    def __init__(self, app: FastAPI, service: str, observed: Callable[[ASGIApp], ASGIApp]) -> None:
        self.app, self._service = app, service
        self._observed = observed(_run)

    async def run(self, method: str, context: Any, ask: Callable[[Request], Awaitable[Answer]]) -> Rpc[Answer]:
        """Answer an RPC by `ask`, whose `GatewayError`s are the RPC's fault."""
        rpc = Rpc(ask)
        scope = {
            "type": "http",
            "http_version": "2",
            "method": "POST",
            "scheme": "http",
            "path": f"/{self._service}/{method}",
            "query_string": b"",
            "headers": _headers(context.invocation_metadata()),
            "app": self.app,
            RPC: rpc,
        }

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                rpc.metadata = [(name.decode(), value.decode()) for name, value in message["headers"] if name != b"content-type"]

        await self._observed(scope, _receive, send)
        if rpc.answer is None and rpc.fault is None:
            rpc.fault = GatewayError(INTERNAL_ERROR)
        return rpc


async def _run(scope: Scope, receive: Receive, send: Send) -> None:
    rpc: Rpc[Any] = scope[RPC]
    status = 200
    try:
        rpc.answer = await rpc.ask(Request(scope, receive))
    except GatewayError as exc:
        ctx: RequestContext = scope[CONTEXT]
        ctx.error = repr(exc.__cause__ or exc)
        rpc.fault, status = exc, exc.status
    await send({"type": "http.response.start", "status": status, "headers": []})


async def _receive() -> NoReturn:
    """An RPC's message is there from the beginning; a client that leaves cancels its task."""
    await asyncio.Future()
    raise AssertionError


def _headers(metadata: Any) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1", "replace")) for name, value in metadata or () if isinstance(value, str)]


def code_of(fault: GatewayError) -> Any:
    """The gRPC status of an error, by the HTTP status that it has."""
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
