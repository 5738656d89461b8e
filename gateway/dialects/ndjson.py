"""Lines of JSON, in and out: bytes as they come → numbered lines, none longer than a limit.

Pure.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson
from pydantic import TypeAdapter, ValidationError

from gateway.dialects import kserve_v1
from gateway.dialects.kserve_v1 import Parameters
from gateway.errors import GatewayError, InvalidRequest, MalformedRequest
from gateway.faults import faults
from gateway.request.byte_order_mark import without_mark
from gateway.request.prediction import Item, Prediction
from gateway.tasks import task_of
from gateway.tasks.task import Task
from model_repository.manifest import Manifest

MEDIA_TYPE = "application/x-ndjson"
_INSTANCE: TypeAdapter[kserve_v1.AnyInstance] = TypeAdapter(kserve_v1.AnyInstance)
_PARAMETERS = TypeAdapter(Parameters)
# skipped at once: a few packed bytes may be a million of them
_BLANK = re.compile(rb"[ \t\r\n\f\v]*+")


class Line(NamedTuple):
    """A line and its number, counted from 1; `raw` is None if the line is too long."""

    number: int
    raw: bytes | None


class Splitter:
    """Bytes → lines; counts empty lines but leaves them out.

    Holds no more than one line of `max_line_bytes`; what is blank before it does not count.
    """

    def __init__(self, max_line_bytes: int) -> None:
        self._max = max_line_bytes
        self._number = 0
        self._begun = bytearray()
        self._too_long = False

    @property
    def next_number(self) -> int:
        """The number of the line that has not ended yet."""
        return self._number + 1

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """The lines that end in this chunk."""
        at = self._skip_blank(chunk, 0)
        while (end := chunk.find(b"\n", at)) >= 0:
            self._add(chunk[at:end])
            if line := self._finish():
                yield line
            at = self._skip_blank(chunk, end + 1)
        self._add(chunk[at:])

    def end(self) -> Iterator[Line]:
        """The last line, where no line feed ends it."""
        if line := self._finish():
            yield line

    def _skip_blank(self, chunk: bytes, at: int) -> int:
        """Where the next line begins, if none has begun: behind empty lines and indentation."""
        if self._begun or self._too_long:
            return at
        blank = _BLANK.match(chunk, at)
        end = at if blank is None else blank.end()
        self._number += chunk.count(b"\n", at, end)
        return end

    def _add(self, part: bytes) -> None:
        if self._too_long or len(self._begun) + len(part) > self._max:
            self._too_long = True
            self._begun.clear()
        else:
            self._begun += part

    def _finish(self) -> Line | None:
        self._number += 1
        raw, too_long = bytes(self._begun), self._too_long
        raw = (without_mark(raw) if self._number == 1 else raw).strip()
        self._begun.clear()
        self._too_long = False
        return Line(self._number, None if too_long else raw) if raw or too_long else None


def parse_parameters(raw: str) -> dict[str, Any]:
    """The parameters of a stream, a JSON object as in a prediction request.

    Raises:
        MalformedRequest: not JSON.
        InvalidRequest: not parameters.
    """
    try:
        return kserve_v1.given(_PARAMETERS.validate_json(raw))
    except ValidationError as exc:
        if reason := faults(exc)[0].not_json:
            raise MalformedRequest(f"parameters: not JSON: {reason}") from None
        raise InvalidRequest('parameters: must be a JSON object such as {"top_k": 3}; see /docs') from None


def items(raw: bytes, manifest: Manifest, task: Task, parameters: Mapping[str, Any], max_text_bytes: int) -> list[Item]:
    """The items of the instance in a line.

    Raises:
        MalformedRequest: not JSON in UTF-8.
        InvalidRequest: not an instance, or not one that the task takes.
        TooLarge: a text of more than `max_text_bytes`.
    """
    try:
        instance = _INSTANCE.validate_json(raw)
    except ValidationError as exc:
        if faults(exc)[0].not_json:
            raise MalformedRequest("the line is not JSON in UTF-8") from None
        raise InvalidRequest('the line must be a string, or an object such as {"text": "…"} with the fields of the task') from None
    return kserve_v1.instance_items(instance, "the line", manifest.task, task, parameters, max_text_bytes)


def prediction_line(number: int, prediction: Prediction, parameters: Mapping[str, Any]) -> bytes:
    """The line of a prediction."""
    shown = task_of(prediction.manifest).prediction(prediction.manifest, prediction.rows, parameters)
    line = {"line": number, "prediction": shown}
    if cut := prediction.truncated():
        line["truncated"] = max(tokens for _, tokens in cut)
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def error_line(number: int, error: GatewayError) -> bytes:
    """The line of an error."""
    return orjson.dumps({"line": number, "error": error.message, "status": error.status}, option=orjson.OPT_APPEND_NEWLINE)
