"""What a prediction request is in every dialect: who asks, until when, for which unit, and how it may be cached."""

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from fastapi import Request

from gateway.cache.directives import NONE, Directives, parse
from gateway.context import RequestContext
from gateway.errors import MalformedRequest, TooLarge
from gateway.observe import CONTEXT
from gateway.prediction import Item, Prediction, PredictionRequest
from gateway.request_life import Lane
from gateway.stack import Stack

MAX_UNIT_CHARS = 256
_UNIT = re.compile(rf"[\x20-\x7e]{{1,{MAX_UNIT_CHARS}}}")


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request. `deadline` is of the event loop's clock, seconds."""

    request: Request
    stack: Stack
    ctx: RequestContext
    deadline: float

    @classmethod
    def of(cls, request: Request) -> Self:
        """Authenticate a request, and begin its time.

        Raises:
            Unauthenticated: no API key, or one that is not known.
            MalformedRequest: the time that it allows cannot be read.
        """
        stack: Stack = request.app.state.stack
        ctx: RequestContext = request.scope[CONTEXT]
        ctx.tenant = stack.authenticator.tenant(ctx.headers.get("authorization"))
        deadline = asyncio.get_running_loop().time() + _timeout_s(ctx.headers, stack.limits.request_timeout_s)
        return cls(request, stack, ctx, deadline)

    async def body(self) -> bytes:
        """The request's body.

        Raises:
            TooLarge: it is over the limit.
        """
        limit = self.stack.limits.max_body_bytes
        chunks, size = [], 0
        async for chunk in self.request.stream():
            size += len(chunk)
            if size > limit:
                raise TooLarge(f"the body has more than {limit} bytes; send fewer or shorter instances")
            chunks.append(chunk)
        return b"".join(chunks)

    def assign(self, model: str, version: int | None = None) -> Lane:
        """The version that answers, as `RequestLife.assign`; without a unit's name each request is a unit of its own.

        Raises:
            MalformedRequest: the unit's name cannot be read.
            GatewayError: as `RequestLife.assign`.
        """
        return self.stack.life.assign(model, version, _unit(self.ctx.headers) or self.ctx.request_id, self.ctx)

    async def predict(self, lane: Lane, items: Sequence[Item], keys: Sequence[bytes] | None = None) -> Prediction:
        """Answer items by the version that was assigned; `keys` are theirs, where they were made already.

        Raises:
            GatewayError: as `RequestLife.predict`.
        """
        return await self.stack.life.predict(lane, PredictionRequest(items, self.deadline, self.directives, keys), self.ctx)

    @property
    def directives(self) -> Directives:
        """What the client says of caching."""
        header = self.ctx.headers.get("cache-control")
        return NONE if header is None else parse(header)

    def keys(self, lane: Lane, items: Sequence[Item]) -> list[bytes]:
        """The items' keys in the cache; with `entity_tag` they name the answer."""
        return self.stack.cache.keys(lane.manifest, self.ctx.tenant, items)

    def not_modified(self, tag: str) -> bool:
        """Whether the client has this answer already (`If-None-Match`), and does not ask for a new one.

        A packaged version answers an item the same for ever, so nothing needs to be looked up.
        """
        given = self.ctx.headers.get("if-none-match")
        if given is None or not self.directives.look_up:
            return False
        if given.strip() == "*":
            return False  # "any answer": there is none before it was asked for
        known = {part.strip().removeprefix("W/") for part in given.split(",")}
        return tag.removeprefix("W/") in known


def age_header(prediction: Prediction) -> dict[str, str]:
    """`Age`, where all came from the cache."""
    return {} if prediction.age_s is None else {"Age": str(prediction.age_s)}


def _timeout_s(headers: Mapping[str, str], default_s: float) -> float:
    given = headers.get("x-request-timeout-ms")
    if given is None:
        return default_s
    try:
        milliseconds = float(given)
    except ValueError:
        milliseconds = math.nan
    if not 0 < milliseconds < math.inf:
        raise MalformedRequest("X-Request-Timeout-Ms: must be a number of milliseconds above 0")
    return min(milliseconds / 1e3, default_s)


def _unit(headers: Mapping[str, str]) -> str | None:
    given = headers.get("x-unit-id")
    if given is not None and not _UNIT.fullmatch(given):
        raise MalformedRequest(f"X-Unit-ID: must be 1 to {MAX_UNIT_CHARS} printable ASCII characters; send a hash of longer ids")
    return given
