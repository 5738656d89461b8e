"""What one knob does: configurations that differ in nothing else, held against each other. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from pydantic import JsonValue

from loadtest.planning.sweep.findings.capacity import Capacity
from loadtest.planning.sweep.findings.entry import Entry
from loadtest.planning.sweep.knobs import Knobs


@dataclass(frozen=True, slots=True)
class LatencyChange:
    """How two percentiles changed at one fixed rate, as shares (-0.2: 20 % less)."""

    rate_rps: float
    p50: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Effect:
    """The change from one configuration to another that differs from it in one knob.

    `value_before` and `value_after` are the knob's values, None where it is not turned; `before`
    and `after` name the configurations. Changes are shares (0.4: 40 % more), None where one of the
    two has no such figure: `capacity`, `cost` (on the first instance type on demand), and `latency`
    by the fixed rates that both were put under. `certain`: whether the intervals of the two
    capacities lie apart.
    """

    knob: str
    value_before: JsonValue
    value_after: JsonValue
    before: str
    after: str
    capacity: float | None
    certain: bool | None
    cost: float | None
    latency: tuple[LatencyChange, ...]


def effects(entries: Sequence[Entry]) -> list[Effect]:
    """Each pair of measured configurations that differ in one knob.

    The change goes from the knob that is not turned to the one that is, else from the first
    configuration to the second.
    """
    found = []
    for one, other in combinations([entry for entry in entries if entry.state == "finished"], 2):
        settled = _settled(one), _settled(other)
        changed = [name for name in Knobs.model_fields if settled[0].get(name) != settled[1].get(name)]
        if len(changed) == 1:
            is_turned = other.description.knobs.get(changed[0]) is not None
            found.append(_effect(changed[0], one, other) if is_turned else _effect(changed[0], other, one))
    return found


def _effect(knob: str, before: Entry, after: Entry) -> Effect:
    return Effect(
        knob=knob,
        value_before=_settled(before).get(knob),
        value_after=_settled(after).get(knob),
        before=before.name,
        after=after.name,
        capacity=_change(_rps(before), _rps(after)),
        certain=_apart(before.capacity, after.capacity),
        cost=_change(_usd(before), _usd(after)),
        latency=_latency(before, after),
    )


def _settled(entry: Entry) -> Mapping[str, JsonValue]:
    """The knobs, with the `repeat` that is 0 where it is not given."""
    knobs = entry.description.knobs
    return knobs if "zipf" in knobs else {"repeat": 0.0, **knobs}


def _latency(before: Entry, after: Entry) -> tuple[LatencyChange, ...]:
    there, here = _latency_ms_by_rate(before), _latency_ms_by_rate(after)
    return tuple(
        LatencyChange(rate_rps, _change(there[rate_rps]["p50"], latency_ms["p50"]), _change(there[rate_rps]["p99"], latency_ms["p99"]))
        for rate_rps, latency_ms in here.items()
        if rate_rps in there
    )


def _latency_ms_by_rate(entry: Entry) -> dict[float, Mapping[str, float]]:
    """Percentiles at the fixed rates that were kept up."""
    return {load.rate_rps: load.latency_ms for load in entry.loads if load.fixed and load.sustained and load.latency_ms}


def _apart(one: Capacity | None, other: Capacity | None) -> bool | None:
    if one is None or other is None:
        return None
    highs = [float("inf") if held.high_rps is None else held.high_rps for held in (one, other)]
    return highs[0] < other.low_rps or highs[1] < one.low_rps


def _rps(entry: Entry) -> float | None:
    return None if entry.capacity is None else entry.capacity.rps


def _usd(entry: Entry) -> float | None:
    return entry.cost[0].on_demand_usd_per_million if entry.cost else None


def _change(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None or not before else after / before - 1
