"""Which configuration to take for an SLO, and what the sweep says in sentences. Pure."""

from collections.abc import Mapping, Sequence

from loadtest.planning.sweep.findings.capacity import Capacity
from loadtest.planning.sweep.findings.entry import Entry
from loadtest.results.figures import plural
from loadtest.slo import Slo

STATES = (("failed", "could not be measured"), ("pending", "not measured yet"), ("partial", "measured in part"))


def best(entries: Sequence[Entry]) -> dict[str, str]:
    """The name of the best configuration by workload.

    The best holds the SLO at the highest rate, and so at the least cost, since all are priced as
    the same machine. Of equals the one with less latency at its least fixed rate is taken, then the
    first.
    """
    found: dict[str, str] = {}
    for workload in dict.fromkeys(entry.workload for entry in entries):
        held = [(entry, entry.texts_per_s) for entry in entries if entry.workload == workload and entry.texts_per_s is not None]
        if held:
            found[workload] = min(held, key=lambda one: (-one[1], _latency_ms(one[0])))[0].name
    return found


def verdict(
    entries: Sequence[Entry],
    chosen: Mapping[str, str],
    slo: Slo,
    problems: Sequence[str] = (),
    *,
    interrupted: bool = False,
) -> list[str]:
    """The outcome in sentences.

    First comes what went wrong and what is missing, with other `problems`, then a sentence for each
    workload.
    """
    said = ["Ended by hand before all was measured; the same command goes on."] if interrupted else []
    for state, words in STATES:
        there = [entry.name for entry in entries if entry.state == state]
        if there:
            of_all = plural(len(entries), "configuration")
            said.append(f"{len(there)} of {of_all} {words}: {', '.join(there)}.")
    said += problems
    by_name = {entry.name: entry for entry in entries}
    for workload, name in chosen.items():
        entry = by_name[name]
        if entry.capacity is not None:
            said.append(_of_workload(workload, entry, entry.capacity, entries, slo))
    for workload in dict.fromkeys(entry.workload for entry in entries if entry.state == "finished"):
        if workload not in chosen:
            said.append(_of_none(workload, entries, slo))
    return said


def silent_runs(entries: Sequence[Entry], workload: str) -> int:
    """How many runs of a workload say nothing of the system."""
    return sum(load.runs - load.counted for entry in entries if entry.workload == workload for load in entry.loads)


def _of_none(workload: str, entries: Sequence[Entry], slo: Slo) -> str:
    silent = silent_runs(entries, workload)
    if not silent:
        return f"With {workload} no configuration holds {slo} at any rate that was tried."
    return (
        f"With {workload} it cannot be told whether a configuration holds {slo}: {plural(silent, 'run')} "
        f"{'says' if silent == 1 else 'say'} nothing of the system, since the load generator was behind or the machine busy."
    )


def _of_workload(workload: str, entry: Entry, held: Capacity, entries: Sequence[Entry], slo: Slo) -> str:
    at_least = "" if held.high_rps is not None else "at least "
    interval = "" if held.high_rps is None else f" (95 %: {held.low_rps:,.3g} to {held.high_rps:,.3g})"
    others = [other.name for other in entries if other.name != entry.name and other.workload == workload and _reaches(other, held)]
    alike = f" Not told apart from it: {', '.join(others)}." if others else ""
    rate = f"{at_least}{held.rps:,.3g} requests/s{interval}"
    return f"With {workload}, {entry.name} holds {slo} at the highest rate: {rate}{_price(entry)}.{alike}"


def _price(entry: Entry) -> str:
    """What it costs on the first instance type; empty without prices."""
    if not entry.cost or entry.cost[0].on_demand_usd_per_million is None:
        return ""
    cost, spot = entry.cost[0], entry.cost[0].spot_usd_per_million
    on_spot = "" if spot is None else f" and {spot:.3g} on spot"
    return f", {cost.on_demand_usd_per_million:.3g} USD a million texts on {cost.instance} on demand{on_spot}"


def _reaches(entry: Entry, held: Capacity) -> bool:
    """Whether a configuration may hold as high a rate."""
    own = entry.capacity
    return own is not None and (own.high_rps is None or own.high_rps >= held.low_rps)


def _latency_ms(entry: Entry) -> float:
    fixed = [load.latency_ms["p99"] for load in entry.loads if load.fixed and load.latency_ms]
    return fixed[0] if fixed else float("inf")
