"""What a prediction request is in every dialect: who asks, until when, for which unit, and how it may be cached."""

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import orjson
from fastapi import Request, Response

from gateway.context import RequestContext
from gateway.dialects.ask import Ask
from gateway.errors import MalformedRequest, TooLarge
from gateway.observe import CONTEXT
from gateway.prediction import Item, Prediction, PredictionRequest
from gateway.request_life import Lane
from gateway.stack import Stack

MAX_UNIT_CHARS = 256
_UNIT = re.compile(rf"[\x20-\x7e]{{1,{MAX_UNIT_CHARS}}}")


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request. `deadline` is of the event loop's clock, seconds: `timeout_s` after the request began."""

    request: Request
    stack: Stack
    ctx: RequestContext
    deadline: float
    timeout_s: float

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
        timeout_s = _timeout_s(ctx.headers, stack.limits.request_timeout_s)
        return cls(request, stack, ctx, asyncio.get_running_loop().time() + timeout_s, timeout_s)

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

    def assign(self, model: str, version: int | None = None, user: str | None = None) -> Lane:
        """The version that answers, as `RequestLife.assign`.

        The unit is the one of X-Unit-ID, else the body's `user`; without either each request is a unit of its own.

        Raises:
            MalformedRequest: the unit's name cannot be read.
            GatewayError: as `RequestLife.assign`.
        """
        return self.stack.life.assign(model, version, _unit(self.ctx.headers) or user or self.ctx.request_id, self.ctx)

    def within(self, timeout_s: float | None) -> Self:
        """The same call with a deadline no later than `timeout_s` from now; None changes nothing."""
        if timeout_s is None:
            return self
        return replace(self, deadline=min(self.deadline, asyncio.get_running_loop().time() + timeout_s))

    async def predict(self, lane: Lane, items: Sequence[Item], *, partial: bool = False) -> Prediction:
        """Answer items by the version that was assigned; with `partial` those that can be answered.

        Raises:
            GatewayError: as `RequestLife.predict`.
        """
        return await self.predict_until(self.deadline, lane, items, self.ctx, partial=partial)

    async def predict_until(
        self, deadline: float, lane: Lane, items: Sequence[Item], ctx: RequestContext, *, partial: bool = False
    ) -> Prediction:
        """As `predict`, with a deadline and a context of its own: for a part of a request."""
        look_up, store = _cache_directives(self.ctx.headers.get("cache-control", ""))
        return await self.stack.life.predict(lane, PredictionRequest(items, deadline, look_up, store, partial), ctx)

    async def answer(self, lane: Lane, ask: Ask) -> Response:
        """The answer to what a dialect asks, as JSON.

        Raises:
            GatewayError: as `RequestLife.predict`, or a text was cut that must not be.
        """
        self.ctx.instances = len(ask.items)
        prediction = await self.predict(lane, ask.items)
        return Response(orjson.dumps(ask.render(prediction)), media_type="application/json", headers=age_header(prediction))


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


def _cache_directives(header: str) -> tuple[bool, bool]:
    """(look up, store) as a `Cache-Control` request header allows."""
    directives = {part.strip().lower() for part in header.split(",")}
    no_store = "no-store" in directives
    return not (no_store or "no-cache" in directives), not no_store
