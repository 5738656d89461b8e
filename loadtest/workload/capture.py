"""A trace from a gateway's log: its lines of requests, without what tells whose they were."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from loadtest.arrivals.recorded import TraceRow

SKIPPED_STATUSES = {400, 401, 403, 404, 405, 413, 415, 422}
"""What was refused for what it was, and would not have come from a load test."""
MS_PER_S = 1e3


class CaptureError(ValueError):
    """A log that holds no trace; the message says why."""


class _Seen(NamedTuple):
    began_s: float
    row: TraceRow


def capture(lines: Iterable[str], model: str | None = None) -> list[TraceRow]:
    """The requests of a gateway's JSON log in the order in which they began; with `model`, only that model's.

    A request began its `ms` before its line was written. Each has its number of texts and how many of them the cache answered: all of a
    `hit`, of a `partial` the share that its line tells, or half where it tells none. Lines that are not of predictions are left out.

    Raises:
        CaptureError: no line is of a prediction.
    """
    seen = sorted(_requests(lines, model), key=lambda entry: entry.began_s)
    if not seen:
        raise CaptureError("no line of the log is of a prediction: it needs lines with event, timestamp, ms, model, instances")
    first_s = seen[0].began_s
    return [entry.row._replace(start_s=round(entry.began_s - first_s, 6)) for entry in seen]


def _requests(lines: Iterable[str], model: str | None) -> Iterator[_Seen]:
    for line in lines:
        try:
            fields: Any = json.loads(line)
        except json.JSONDecodeError:
            continue  # what else wrote to the same stream
        if not isinstance(fields, dict) or fields.get("event") != "request" or fields.get("status") in SKIPPED_STATUSES:
            continue
        texts = fields.get("instances")
        if not fields.get("model") or not isinstance(texts, int) or texts < 1 or model not in (None, fields["model"]):
            continue
        ended_s = datetime.fromisoformat(fields["timestamp"]).timestamp()
        # a version that an experiment chose is not one that was asked for
        version = None if fields.get("experiment") else fields.get("version")
        yield _Seen(ended_s - float(fields["ms"]) / MS_PER_S, TraceRow(0.0, texts, _hits(fields, texts), fields["model"], version))


def _hits(fields: Mapping[str, Any], texts: int) -> int:
    match fields.get("cache"):
        case "hit" | "stale":
            return texts
        case "partial":
            known, items = fields.get("hits"), fields.get("items")
            # an instance of some tasks is several items: their share stands for the texts'
            return round(texts * known / items) if isinstance(known, int) and isinstance(items, int) and items else max(texts // 2, 1)
        case _:
            return 0
