"""A recorded trace: one line of JSON for each request, in the order in which they came."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class TraceError(ValueError):
    """A trace file that cannot be used; the message says which line and why."""


class TraceRow(NamedTuple):
    """One recorded request: seconds since the first, its texts, and how many of them were hits.

    `model`, `version` and `unit` say what was asked; they are empty where the record does not say.
    """

    start_s: float
    texts: int
    hits: int
    model: str = ""
    version: int | None = None
    unit: str = ""

    def to_json(self) -> str:
        """The row as a line of a trace file, without the fields that are empty."""
        fields = {name: value for name, value in self._asdict().items() if value not in ("", None)}
        return json.dumps(fields)


def read_trace(path: Path) -> Iterator[TraceRow]:
    """The rows of a trace, line by line.

    Raises:
        TraceError: the file cannot be read, a line is not a row, or a row starts earlier than the
            row before it.
    """
    last_s = 0.0
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    row = _parse(line, f"{path}: line {number}")
                    if row.start_s < last_s:
                        raise TraceError(f"{path}: line {number}: start_s must not be less than in the line before")
                    last_s = row.start_s
                    yield row
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "not UTF-8"
        raise TraceError(f"{path}: {reason}") from exc


def _parse(line: str, where: str) -> TraceRow:
    try:
        fields: Any = json.loads(line)
    except json.JSONDecodeError as exc:
        raise TraceError(f"{where}: not JSON: {exc.msg}") from exc
    try:
        row = TraceRow(**fields)
    except TypeError as exc:
        raise TraceError(f"{where}: a row has start_s, texts, hits, and may have model, version, unit") from exc
    numbers = {"start_s": row.start_s, "texts": row.texts, "hits": row.hits}
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise TraceError(f"{where}: {name} must be a number that is not negative")
    if row.texts < 1 or row.hits > row.texts:
        raise TraceError(f"{where}: texts must be at least 1, and hits at most texts")
    return row
