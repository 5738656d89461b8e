"""What one knob does: configurations that differ in nothing else, held against each other. Pure."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from loadtest.planning.sweep.knobs import Knobs


def effects(configurations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each pair of measured configurations that differ in one knob, as changes from the first to the second, or from none to some.

    `configurations`: as in sweep.json. Changes are shares (0.4: 40 % more), null where one of the two has no such figure:
    `capacity`, `cost` (of the first instance type on demand), and by the fixed rates that both were put under `latency`: {rate, p50, p99}.
    `certain`: whether the intervals of the two capacities lie apart.
    """
    found = []
    for one, other in combinations([entry for entry in configurations if entry["state"] == "finished"], 2):
        turned = _settled(one["knobs"]), _settled(other["knobs"])
        changed = [name for name in Knobs.model_fields if turned[0].get(name) != turned[1].get(name)]
        if len(changed) != 1:
            continue
        knob = changed[0]
        # what is turned is told against what is not
        before, after = (other, one) if other["knobs"].get(knob) is None else (one, other)
        found.append(
            {
                "knob": knob,
                "from": _settled(before["knobs"]).get(knob),
                "to": _settled(after["knobs"]).get(knob),
                "before": before["name"],
                "after": after["name"],
                "capacity": _change(_rps(before), _rps(after)),
                "certain": _apart(before["capacity"], after["capacity"]),
                "cost": _change(_usd(before), _usd(after)),
                "latency": _latency(before, after),
            }
        )
    return found


def _settled(knobs: Mapping[str, Any]) -> dict[str, Any]:
    """Knobs with the one that is 0 where it is not given."""
    return dict(knobs) if "zipf" in knobs else {"repeat": 0.0, **knobs}


def _latency(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    there = {load["rate_rps"]: load for load in before["loads"] if load["fixed"] and load["latency_ms"] and load["sustained"]}
    return [
        {"rate_rps": load["rate_rps"]}
        | {name: _change(there[load["rate_rps"]]["latency_ms"][name], load["latency_ms"][name]) for name in ("p50", "p99")}
        for load in after["loads"]
        if load["fixed"] and load["latency_ms"] and load["sustained"] and load["rate_rps"] in there
    ]


def _apart(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool | None:
    if one is None or other is None:
        return None
    highs = [float("inf") if part["high_rps"] is None else part["high_rps"] for part in (one, other)]
    return bool(highs[0] < other["low_rps"] or highs[1] < one["low_rps"])


def _rps(configuration: Mapping[str, Any]) -> float | None:
    return None if configuration["capacity"] is None else configuration["capacity"]["rps"]


def _usd(configuration: Mapping[str, Any]) -> float | None:
    return configuration["cost"][0]["on_demand_usd_per_million"] if configuration["cost"] else None


def _change(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None or not before else after / before - 1
