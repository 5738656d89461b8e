"""A line of a stream → the line of its prediction or of its error: no line fails another."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

import structlog

from gateway.calls.call import Call
from gateway.calls.replacement import by_present_package
from gateway.concurrency.aside import aside
from gateway.dialects import ndjson
from gateway.dialects.ndjson import Line
from gateway.errors import INTERNAL_ERROR, GatewayError, PackageReplaced, TooLarge
from gateway.lane import Lane
from gateway.request.context import RequestContext
from gateway.request.json_limits import require_within
from gateway.request.prediction import Item, Prediction
from gateway.tasks import task_of

log = structlog.get_logger()


class LinePredictions:
    """Charges the caller for each line's items, and has `predict` answer them.

    A line without items, because it is at fault, is charged as one item: the stream may have any
    number of lines.

    One version, on which `call` was placed, answers all lines; where its package is replaced, the
    new one answers the lines after that. `parameters` hold for all lines.
    """

    def __init__(
        self,
        call: Call,
        parameters: Mapping[str, Any],
        predict: Callable[[Lane, Sequence[Item], RequestContext], Awaitable[Prediction]],
    ) -> None:
        self._call, self._limits = call, call.stack.request_limits
        self._parameters, self._predict = parameters, predict

    async def line_out(self, line: Line) -> bytes:
        """The output line for an input line."""
        self._call.ctx.instances += 1
        try:
            return ndjson.prediction_line(line.number, await self._prediction(line), self._parameters)
        except GatewayError as exc:
            return ndjson.error_line(line.number, exc)
        except Exception:
            log.exception("internal error", request_id=self._call.ctx.request_id, line=line.number)
            return ndjson.error_line(line.number, GatewayError(INTERNAL_ERROR))

    async def _prediction(self, line: Line) -> Prediction:
        try:
            return await self._attempt(line)
        except PackageReplaced:
            return await by_present_package(partial(self._attempt, line), self._call.stack)

    async def _attempt(self, line: Line) -> Prediction:
        lane, part, door = self._lane(), self._call.part(), self._call.stack.door
        try:
            items = await aside(len(line.raw or b""), self._items, lane, line)
        except GatewayError:
            await door.charge(part, 1)
            raise
        await door.charge(part, len(items))
        try:
            return await self._predict(lane, items, part)
        except BaseException:  # also where the client has left
            door.give_back(part, len(items))
            raise

    def _lane(self) -> Lane:
        placement = self._call.ctx.placement
        return self._call.stack.lanes.of(placement.model, placement.version)

    def _items(self, lane: Lane, line: Line) -> list[Item]:
        limits = self._limits
        if line.raw is None:
            raise TooLarge(f"the line has more than {limits.body.max_bytes} bytes; send a shorter instance")
        require_within(line.raw, "the line", limits.body.json)
        return ndjson.items(line.raw, lane.manifest, task_of(lane.manifest), self._parameters, limits.max_text_bytes)
