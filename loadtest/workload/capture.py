"""A trace from a gateway's log: its lines of requests, without what says whose they were."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from loadtest.arrivals.recorded import TraceRow

SKIPPED_STATUSES = {400, 401, 403, 404, 405, 413, 415, 422}
"""Statuses of requests that were refused for what they were: no load test would send them."""
MS_PER_S = 1e3


class CaptureError(ValueError):
    """A log that holds no trace; the message says why."""


class _Seen(NamedTuple):
    began_s: float
    row: TraceRow


def capture(lines: Iterable[str], model: str | None = None) -> list[TraceRow]:
    """The requests of a gateway's JSON log in the order in which they began.

    A request began its `ms` before its line was written. Its row says how many texts it had and how
    many of them the cache answered: all of them for a `hit`; for a `partial` the share that the
    line gives, or half where the line gives none. Lines that are not of predictions are left out,
    and so are those of other models than `model`, if that is given.

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
            continue  # something else wrote to the same stream
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
            # in some tasks an instance is several items: their share stands for that of the texts
            return round(texts * known / items) if isinstance(known, int) and isinstance(items, int) and items else max(texts // 2, 1)
        case _:
            return 0
