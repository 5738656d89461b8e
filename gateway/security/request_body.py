"""The body of a request, read within limits: its size, the time that it may take, and how deeply its JSON is nested."""

import asyncio
import re
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from gateway.context import RequestContext
from gateway.errors import ClientGone, MalformedRequest, TooLarge, TooSlow
from gateway.security.connection import WHOLE_BODY

# a string, or one that never ends; possessive, so that no text makes it slow
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
# of one kind, so that taking pairs away takes one level; that kinds match is the parser's affair
_ONE_KIND = bytes.maketrans(b"{}", b"[]")


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Bytes, seconds for the whole body, and levels of JSON."""

    max_bytes: int
    timeout_s: float
    max_depth: int


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
    require_shallow(raw, limits.max_depth)
    return raw


def require_shallow(raw: bytes, max_depth: int, what: str = "the body") -> None:
    """Refuse JSON of more levels before anything parses it; `what` it is for the client.

    Raises:
        MalformedRequest: nested too deeply.
    """
    if is_deeper(raw, max_depth):
        raise MalformedRequest(f"{what} is nested more than {max_depth} levels deep, or its brackets do not match")


def is_deeper(raw: bytes, max_depth: int) -> bool:
    """Whether JSON is nested more than `max_depth` levels deep, without parsing it; JSON with brackets that do not match may be either.

    Innermost pairs of brackets are taken away, one level at a time; every step runs over the bytes in C.
    """
    if raw.count(b"[") + raw.count(b"{") <= max_depth:
        return False
    brackets = _STRING.sub(b"", raw).translate(_ONE_KIND, _NOT_BRACKETS)
    for _ in range(max_depth):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _too_large(limits: BodyLimits) -> TooLarge:
    return TooLarge(f"the body has more than {limits.max_bytes} bytes; send fewer or shorter instances")
