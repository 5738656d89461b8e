"""Which configuration to take for an SLO, and what the sweep says in sentences. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

Entry = Mapping[str, Any]


def best(configurations: Sequence[Entry]) -> dict[str, str]:
    """By workload the name of the configuration that holds the SLO at the highest rate, and so at the least cost.

    All are priced as the same machine. Of equals the one with less latency at its least fixed rate is taken, then the first.
    """
    found: dict[str, str] = {}
    for workload in dict.fromkeys(one["workload"] for one in configurations):
        held = [one for one in configurations if one["workload"] == workload and one["capacity"] is not None]
        if held:
            found[workload] = min(held, key=lambda one: (-one["texts_per_s"], _latency_ms(one)))["name"]
    return found


def verdict(
    configurations: Sequence[Entry],
    chosen: Mapping[str, str],
    slo: str,
    offer: str | None,
    problems: Sequence[str] = (),
    *,
    interrupted: bool = False,
) -> list[str]:
    """The outcome: what went wrong and what is missing, with other `problems`, then a sentence for each workload."""
    said = ["Ended by hand before all was measured; the same command goes on."] if interrupted else []
    for state, words in (("failed", "could not be measured"), ("pending", "not measured yet"), ("partial", "measured in part")):
        there = [one["name"] for one in configurations if one["state"] == state]
        if there:
            said.append(f"{len(there)} of {len(configurations)} configurations {words}: {', '.join(there)}.")
    said += problems
    by_name = {one["name"]: one for one in configurations}
    said += [_of_workload(workload, by_name[name], configurations, slo, offer) for workload, name in chosen.items()]
    for workload in dict.fromkeys(one["workload"] for one in configurations if one["state"] == "finished"):
        if workload not in chosen:
            said += [f"With {workload} no configuration holds {slo} at any rate that was tried."]
    return said


def _of_workload(workload: str, one: Entry, configurations: Sequence[Entry], slo: str, offer: str | None) -> str:
    at_least = "" if one["capacity"]["high_rps"] is not None else "at least "
    low, high = one["capacity"]["low_rps"], one["capacity"]["high_rps"]
    interval = "" if high is None else f" (95 %: {low:,.3g} to {high:,.3g})"
    price = ""
    if offer is not None:
        cost = one["cost"][0]
        price = f", {cost['on_demand_usd_per_million']:.3g} USD a million texts on {offer} on demand"
        if cost["spot_usd_per_million"] is not None:
            price += f" and {cost['spot_usd_per_million']:.3g} on spot"
    others = [
        other["name"]
        for other in configurations
        if other["name"] != one["name"] and other["workload"] == workload and other["capacity"] is not None
        and (other["capacity"]["high_rps"] is None or other["capacity"]["high_rps"] >= low)
    ]  # fmt: skip
    alike = f" Not told apart from it: {', '.join(others)}." if others else ""
    rate = f"{at_least}{one['capacity']['rps']:,.3g} requests/s{interval}"
    return f"With {workload}, {one['name']} holds {slo} at the highest rate: {rate}{price}.{alike}"


def _latency_ms(one: Entry) -> float:
    fixed = [load["latency_ms"]["p99"] for load in one["loads"] if load["fixed"] and load["latency_ms"]]
    return fixed[0] if fixed else float("inf")
