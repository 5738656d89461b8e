"""The body of a request, read within limits on its bytes, its time and the depth of its JSON."""

import asyncio
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.types import Scope

from gateway.concurrency.aside import MAX_BYTES_ON_LOOP, aside
from gateway.errors import ClientGone, Overloaded, TooLarge, TooSlow
from gateway.http_server.connection import WHOLE_BODY
from gateway.http_server.content_coding import decoded
from gateway.request.body_room import MAX_BODIES, BodyRoom
from gateway.request.byte_order_mark import without_mark
from gateway.request.context import RequestContext
from gateway.request.json_limits import JsonLimits, require_within
from gateway.request.request_limits import BodyLimits


async def read_body(request: Request, ctx: RequestContext, body_limits: BodyLimits) -> bytes:
    """The whole body, as it was before its content coding.

    Raises:
        TooLarge: more than `max_bytes`; where the head gives the length, before the body is read.
        TooSlow: the body did not come in time.
        ClientGone: the client has left, so the body will not come.
        MalformedRequest: it is not in the content coding that its header names.
        Overloaded: bodies hold too much memory, most of it for this client.
    """
    if WHOLE_BODY in request.scope:
        # all of it has come: one message holds it, and no timer is needed
        message = await request.receive()
        if message["type"] != "http.request":
            raise ClientGone("the client has left")
        raw: bytes = message["body"]
        if len(raw) > body_limits.max_bytes:
            raise _too_large(body_limits)
    else:
        raw = await _in_pieces(request, ctx, body_limits)
    if "content-encoding" not in ctx.headers:
        return raw
    # a few bytes may unpack to as many as a body may have
    body = await aside(body_limits.max_bytes, decoded, raw, ctx.headers["content-encoding"], body_limits.max_bytes)
    _hold(request, ctx, body_limits, len(body))
    return body


async def _in_pieces(request: Request, ctx: RequestContext, body_limits: BodyLimits) -> bytes:
    # the parser has refused a length that is no number
    if int(ctx.headers.get("content-length", "0")) > body_limits.max_bytes:
        raise _too_large(body_limits)
    chunks, size = [], 0
    try:
        async with asyncio.timeout(body_limits.timeout_s):
            async for chunk in request.stream():
                size += len(chunk)
                if size > body_limits.max_bytes:
                    raise _too_large(body_limits)
                _hold(request, ctx, body_limits, len(chunk))
                chunks.append(chunk)
    except ClientDisconnect:
        raise ClientGone("the client has left") from None
    except TimeoutError:
        raise TooSlow(f"the body was not there within {body_limits.timeout_s:g} s; send it faster") from None
    return b"".join(chunks)


async def read_json(request: Request, ctx: RequestContext, body_limits: BodyLimits, json_limits: JsonLimits | None = None) -> bytes:
    """The whole body, which is within `json_limits` if it is JSON at all; None: those of bodies.

    Raises:
        MalformedRequest: the JSON is nested more deeply.
        TooLarge: as `read_body`, or the JSON has more values or members.
        TooSlow, ClientGone, Overloaded: as `read_body`.
    """
    raw = without_mark(await read_body(request, ctx, body_limits))
    if len(raw) <= MAX_BYTES_ON_LOOP:  # most are, and a call is spared them
        require_within(raw, "the body", json_limits or body_limits.json)
    else:
        await aside(len(raw), require_within, raw, "the body", json_limits or body_limits.json)
    return raw


def let_go(ctx: RequestContext, scope: Scope, status: int) -> None:
    """As an end of requests: give back the room of a request's body."""
    if ctx.give_back is not None:
        ctx.give_back(ctx.body_bytes)
        ctx.give_back = None


def _hold(request: Request, ctx: RequestContext, body_limits: BodyLimits, size: int) -> None:
    """Take room for more of a body; what came in one piece as it is needs none."""
    owner = ctx.tenant or (request.client.host if request.client else "")
    room: BodyRoom = request.app.state["bodies"]
    if not room.take(owner, size, MAX_BODIES * body_limits.max_bytes):
        raise Overloaded("too many bytes of this client's requests are on their way already; send fewer at once")
    ctx.body_bytes += size
    ctx.give_back = partial(room.give_back, owner)


def _too_large(body_limits: BodyLimits) -> TooLarge:
    return TooLarge(f"the body has more than {body_limits.max_bytes} bytes; send fewer or shorter instances")
