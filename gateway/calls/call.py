"""A prediction request in any dialect: its caller, deadline, unit and caching."""

import asyncio
from collections.abc import Hashable, Sequence
from typing import NamedTuple, Self

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response

from gateway.calls import headers
from gateway.catalog.default_models import named_or_default
from gateway.dialects.ask import Ask
from gateway.errors import InvalidRequest, TooLarge
from gateway.http_server.body import read_body, read_json
from gateway.lane import Lane
from gateway.request.cache_control import NONE, Directives, parse
from gateway.request.caller import CALLER
from gateway.request.context import CONTEXT, RequestContext
from gateway.request.hooks import Answered
from gateway.request.prediction import Item, Prediction, PredictionRequest
from gateway.request.principal import PREDICT
from gateway.request.priority import Priority
from gateway.stack import Stack, stack_of

log = structlog.get_logger()


MAX_SPREAD = 4
"""The bytes of all items, with what they share counted in each, are at most so many bodies."""
SPLIT = "send the rest in another request"


class Call(NamedTuple):
    """One authenticated request.

    Times are in seconds of the event loop's clock. The request `arrived` before it was known whose
    it is; its `deadline` is `timeout_s` later, and no later than `latest`. Where the client has not
    `named` it, it is later for more items. Answering a request again moves none of them.
    """

    request: Request
    stack: Stack
    ctx: RequestContext
    arrived: float
    deadline: float
    timeout_s: float
    latest: float
    named: bool

    @classmethod
    async def enter(cls, request: Request) -> Self:
        """Check that the caller may predict, and start the request's timeout.

        Raises:
            GatewayError: as `Door.enter`.
            MalformedRequest: the request's timeout cannot be read.
        """
        stack = stack_of(request.app)
        ctx: RequestContext = request.scope[CONTEXT]
        if not ctx.again:
            await stack.door.enter(ctx, PREDICT)
        ctx.timing.lap("authenticate")
        limits, arrived = stack.request_limits, asyncio.get_running_loop().time() - ctx.timing.elapsed_s()
        named_s = headers.timeout_s(ctx.headers)
        timeout_s = min(limits.request_timeout_s if named_s is None else named_s, limits.max_request_timeout_s)
        latest = arrived + limits.max_request_timeout_s
        return cls(request, stack, ctx, arrived, arrived + timeout_s, timeout_s, latest, named_s is not None)

    async def check(self) -> None:
        """Check again that the caller may predict, while its request is still coming.

        Raises:
            GatewayError: as `Door.check`.
        """
        await self.stack.door.check(self.ctx, PREDICT)

    async def body(self) -> bytes:
        """The request's body as bytes; raises as `read_body`."""
        if not self.ctx.again:
            self.ctx.body = await read_body(self.request, self.ctx, self.stack.request_limits.body)
        return self.ctx.body

    async def json(self, *, values_factor: int = 1) -> bytes:
        """The request's body, which must be JSON; raises as `read_json`.

        It may have `values_factor` times as many values as other bodies.
        """
        if not self.ctx.again:
            limits = self.stack.request_limits.body
            json_limits = limits.json if values_factor == 1 else limits.json.times(values_factor)
            self.ctx.body = await read_json(self.request, self.ctx, limits, json_limits)
        return self.ctx.body

    def model(self, named: str | None, use: str) -> str:
        """The model that a request names, or the default model for its use where it names none.

        Raises:
            NotFound: it names none, and there is no default.
        """
        return named_or_default(named, use, self.stack.default_models, self.stack.catalog.current)

    def assign(self, model: str, version: int | None = None, user: str | None = None) -> Lane:
        """The lane of the version that answers, as `RequestLife.assign`.

        The unit is that of X-Unit-ID, else the body's `user`. Without either the request is a unit
        of its own, and the gateway names it. X-Request-ID does not name it, since it may be the
        same for all requests of a client. X-Unit-Attributes say more of the unit.

        Raises:
            MalformedRequest: the unit's name or its attributes cannot be read.
            GatewayError: as `RequestLife.assign`.
        """
        self.ctx.timing.lap("parse")
        given = self.ctx.headers
        unit, attributes = headers.unit(given) or user or None, headers.attributes(given)
        return self.stack.life.assign(model, version, unit, self.ctx, attributes)

    def within(self, timeout_s: float | None) -> Self:
        """The same call with a timeout that the client names in another way than by the header.

        It begins when the request arrived. The earlier of two counts; None changes nothing.
        """
        return self if timeout_s is None else self.until(self.arrived + timeout_s)

    def until(self, deadline: float) -> Self:
        """The same call with a deadline that the client names; the earlier of two counts."""
        deadline = min(self.latest, deadline)
        return self._replace(deadline=min(self.deadline, deadline) if self.named else deadline, named=True)

    def _deadline(self, items: int) -> float:
        if self.named:
            return self.deadline
        return min(self.deadline + self.stack.request_limits.timeout_per_item_s * (items - 1), self.latest)

    @property
    def directives(self) -> Directives:
        """The directives of the client's `Cache-Control`."""
        header = self._list_header("cache-control")
        return NONE if header is None else parse(header)

    def _list_header(self, name: str) -> str | None:
        """A header that is a list; its parts may be on several lines (RFC 9110, section 5.3)."""
        return ", ".join(self.request.headers.getlist(name)) if name in self.ctx.headers else None

    def keys(self, lane: Lane, items: Sequence[Item]) -> list[bytes]:
        """The items' keys in the cache; `entity_tag` makes the answer's `ETag` of them.

        Raises:
            TooLarge: as `predict`.
        """
        self._require_little(items)
        return self.stack.cache.keys(lane.manifest, self.ctx.tenant, items)

    def _require_little(self, items: Sequence[Item]) -> None:
        """Refuse items that share so much that few bytes would be worked on a thousand times."""
        most = MAX_SPREAD * self.stack.request_limits.body.max_bytes
        if len(items) > 1 and sum(len(text) + len(pair or b"") + len(options) for text, pair, options in items) > most:
            raise TooLarge(f"a query or options that all texts share count with each of them, and come to more than {most} bytes; {SPLIT}")

    def not_modified(self, tag: str) -> bool:
        """Whether the client has this answer already (`If-None-Match`).

        False where the client or the experiment wants a new answer. A packaged version answers an
        item the same for ever, so nothing needs to be looked up.
        """
        given = self._list_header("if-none-match")
        if given is None or not self.directives.look_up or self.ctx.placement.bypass:
            return False
        if given.strip() == "*":
            return False  # "any answer": there is no answer before one is asked for
        known = {part.strip().removeprefix("W/") for part in given.split(",")}
        return tag.removeprefix("W/") in known

    def priority(self, default: Priority) -> Priority:
        """The priority that X-Priority names, else `default`; raises as `headers.priority`."""
        return headers.priority(self.ctx.headers) or default

    async def predict(
        self,
        lane: Lane,
        items: Sequence[Item],
        *,
        keys: Sequence[bytes] | None = None,
        partial: bool = False,
        priority: Priority | None = None,
    ) -> Prediction:
        """Charge the caller's rate limits, and answer items by the version that was assigned.

        Where there is no answer, only what was computed for it stays charged. With `partial`, items
        that cannot be answered do not fail the others. `keys` are the items' keys in the cache, if
        they were computed already. `priority` is the one that the dialect names in its own way;
        None: that of X-Priority.

        Raises:
            InvalidRequest: more items than a request may have.
            TooLarge: the items' bytes are far more than a body may have.
            GatewayError: as `Door.charge` and `RequestLife.predict`.
        """
        most = self.stack.request_limits.max_items
        if len(items) > most:
            raise InvalidRequest(f"at most {most} texts or pairs at once, these are {len(items)}; {SPLIT}")
        if keys is None:
            self._require_little(items)
        # the part of the parsing that needed the model's task
        self.ctx.timing.lap("parse")
        if priority is None:
            priority = self.priority(Priority.INTERACTIVE)
        self.ctx.computed = 0
        await self.stack.door.charge(self.ctx, len(items))
        self.ctx.timing.lap("authenticate")
        caller = self.request.scope.get(CALLER)
        request = PredictionRequest(items, self._deadline(len(items)), self.directives, keys, priority, caller, partial, self._flow)
        try:
            prediction = await self.stack.life.predict(lane, request, self.ctx)
        except BaseException:  # also where the client has left
            self.stack.door.give_back(self.ctx, len(items))
            raise
        return self._tapped(items, prediction)

    def part(self) -> RequestContext:
        """The context of a part of a request whose body is still being read."""
        ctx = self.ctx
        return RequestContext(ctx.request_id, tenant=ctx.tenant, principal=ctx.principal, placement=ctx.placement)

    async def predict_part(
        self, lane: Lane, items: Sequence[Item], part: RequestContext, deadline: float, priority: Priority
    ) -> Prediction:
        """As `predict`, for a part of a request; its items are charged by the caller."""
        request = PredictionRequest(items, deadline, self.directives, priority=priority, flow=self._flow)
        return self._tapped(items, await self.stack.life.predict(lane, request, part))

    @property
    def _flow(self) -> tuple[Hashable, ...]:
        return self.ctx.tenant, self.ctx.principal.id, self.request.scope.get("client")

    def _tapped(self, items: Sequence[Item], prediction: Prediction) -> Prediction:
        for tap in self.stack.taps:
            try:
                tap.take(Answered(self.ctx, self.ctx.placement, items, prediction))
            except Exception:
                # the prediction is made, and whoever only looks at it must not withhold it
                log.exception("a tap failed", request_id=self.ctx.request_id)
        return prediction

    async def answer(self, lane: Lane, ask: Ask) -> Response:
        """The response to what a dialect asks, as JSON.

        Raises:
            GatewayError: as `RequestLife.predict`, or a text was cut that must not be cut.
        """
        self.ctx.instances = len(ask.items)
        prediction = await self.predict(lane, ask.items)
        return Response(orjson.dumps(ask.render(prediction)), media_type="application/json", headers=age_header(prediction))


def age_header(prediction: Prediction) -> dict[str, str]:
    """The header `Age`, where all rows came from the cache."""
    return {} if prediction.age_s is None else {"Age": str(prediction.age_s)}
