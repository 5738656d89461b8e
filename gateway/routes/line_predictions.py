"""A line of a stream → the line of its prediction or of its error: no line fails another."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog

from gateway.calls.call import Call
from gateway.dialects import ndjson
from gateway.dialects.ndjson import Line
from gateway.errors import INTERNAL_ERROR, GatewayError, TooLarge
from gateway.request.json_limits import require_within
from gateway.request.prediction import Item, Prediction
from gateway.tasks import task_of
from model_repository.manifest import Manifest

log = structlog.get_logger()


class LinePredictions:
    """Charges the caller for each line's items, and has `predict` answer them.

    A line without items, because it is at fault, is charged as one item: the stream may have any
    number of lines.

    One version, which `manifest` describes, answers all lines. `parameters` hold for all lines, and
    the version's task takes them.
    """

    def __init__(
        self,
        call: Call,
        manifest: Manifest,
        parameters: Mapping[str, Any],
        predict: Callable[[Sequence[Item]], Awaitable[Prediction]],
    ) -> None:
        self._call, self._limits = call, call.stack.request_limits
        self._manifest, self._task, self._parameters = manifest, task_of(manifest), parameters
        self._predict = predict

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
            items = self._items(line)
        except GatewayError:
            await self._call.stack.door.charge(self._call.ctx, 1)
            raise
        await self._call.stack.door.charge(self._call.ctx, len(items))
        return await self._predict(items)

    def _items(self, line: Line) -> list[Item]:
        limits = self._limits
        if line.raw is None:
            raise TooLarge(f"the line has more than {limits.body.max_bytes} bytes; send a shorter instance")
        require_within(line.raw, "the line", limits.body.json)
        return ndjson.items(line.raw, self._manifest, self._task, self._parameters, limits.max_text_bytes)
