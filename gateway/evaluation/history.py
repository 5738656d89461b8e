"""What was known of an experiment at earlier looks, so that intervals can be drawn over time.

A look is kept every few seconds at first, and less often the longer an experiment runs: so many in
the first hours, and a few hundred more in months.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from gateway.evaluation.found import Results
from gateway.measurement.names import looks_of
from gateway.state.state import State
from gateway.statistics.interval import Interval

LEAST_INTERVAL_S: Final = 10.0
SHARE_OF_AGE: Final = 0.01
"""Looks are this share of an experiment's age apart, at least."""
_FIELD = "look:"


Ends = Sequence[float | None]
"""(low, estimate, high); what is not known is None."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was known at `at`, in seconds since 1970.

    `difference` and `relative`, the lift, are by metric and variant.
    """

    at: float
    units: int
    difference: Mapping[str, Mapping[str, Ends]]
    relative: Mapping[str, Mapping[str, Ends]]

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"at": self.at, "units": self.units, "difference": self.difference, "relative": self.relative}


def is_due(first_at: float, last_at: float | None, now: float) -> bool:
    """Whether a look is to be kept now, the first one having been kept at `first_at`."""
    return last_at is None or now - last_at >= max(LEAST_INTERVAL_S, SHARE_OF_AGE * (now - first_at))


def look_at(results: Results) -> Look:
    """What is kept of results: the intervals of declared metrics and of guardrails."""
    shown = [metric for metric in (*results.metrics, *results.requests) if metric.role != "request"]
    difference: dict[str, dict[str, Ends]] = {}
    relative: dict[str, dict[str, Ends]] = {}
    for metric in shown:
        found = {one.variant: one.found for one in metric.comparisons if one.found is not None}
        if found:
            difference[metric.name] = {name: _ends(one.interval, one.difference) for name, one in found.items()}
            relative[metric.name] = {name: _ends(one.relative_interval, one.relative) for name, one in found.items()}
    return Look(results.at, sum(one.units for one in results.variants), difference, relative)


def _ends(interval: Interval, estimate: float | None) -> Ends:
    return [value if value is not None and math.isfinite(value) else None for value in (interval.low, estimate, interval.high)]


async def keep(state: State, key: str, look: Look) -> None:
    """Keep a look at an experiment; one that is kept for the same second stays.

    Raises:
        StateUnavailable: it may not be kept.
    """
    await state.hash_replace(looks_of(key), {f"{_FIELD}{look.at:.0f}": (None, orjson.dumps(look.document()))})


async def kept(state: State, key: str) -> list[Look]:
    """The looks that are kept of an experiment, oldest first.

    Raises:
        StateUnavailable: state does not answer.
    """
    fields = await state.hash_items(looks_of(key))
    looks = [Look(**orjson.loads(raw)) for name, raw in fields.items() if name.decode().startswith(_FIELD)]
    return sorted(looks, key=lambda look: look.at)
