"""The body of a request, read within limits: its size, the time that it may take, and how deeply its JSON may be nested."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from gateway.errors import ClientGone, TooLarge, TooSlow
from gateway.http_server.connection import WHOLE_BODY
from gateway.request.context import RequestContext
from gateway.request.json_depth import require_shallow
from gateway.request.request_limits import BodyLimits


async def read_body(request: Request, ctx: RequestContext, limits: BodyLimits) -> bytes:
    """The whole body.

    Raises:
        TooLarge: more than `max_bytes`; said before the body is read where its length is told.
        TooSlow: it was not there in time.
        ClientGone: it never will be.
    """
    if WHOLE_BODY in request.scope:
        # it is there: no timer is needed, and nothing to join
        message = await request.receive()
        raw: bytes = message.get("body", b"")
        if message["type"] != "http.request":
            raise ClientGone("the client has left")
        if len(raw) > limits.max_bytes:
            raise _too_large(limits)
        return raw
    # a length that is no number was refused by the parser
    if int(ctx.headers.get("content-length", "0")) > limits.max_bytes:
        raise _too_large(limits)
    chunks, size = [], 0
    try:
        async with asyncio.timeout(limits.timeout_s):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limits.max_bytes:
                    raise _too_large(limits)
                chunks.append(chunk)
    except ClientDisconnect:
        raise ClientGone("the client has left") from None
    except TimeoutError:
        raise TooSlow(f"the body was not there within {limits.timeout_s:g} s; send it faster") from None
    return b"".join(chunks)


async def read_json(request: Request, ctx: RequestContext, limits: BodyLimits) -> bytes:
    """The whole body, which is JSON of at most `max_depth` levels where it is JSON at all.

    Raises:
        MalformedRequest: nested too deeply.
        TooLarge, TooSlow: as `read_body`.
    """
    raw = await read_body(request, ctx, limits)
    require_shallow(raw, "the body", limits.max_depth)
    return raw


def _too_large(limits: BodyLimits) -> TooLarge:
    return TooLarge(f"the body has more than {limits.max_bytes} bytes; send fewer or shorter instances")
