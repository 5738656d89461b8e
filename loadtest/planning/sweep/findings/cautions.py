"""What a reader must know before trusting a sweep, a sentence each. Pure."""

from collections.abc import Sequence

from loadtest.planning.sweep.findings.entry import Entry
from loadtest.planning.sweep.findings.pricing import Offer, applied
from loadtest.planning.sweep.run import OLDER, Machine, Run


def cautions(entries: Sequence[Entry], machines: Sequence[Machine], runs: Sequence[Run], offers: Sequence[Offer]) -> list[str]:
    """What speaks against the figures.

    `runs` are the results without failures, `machines` are those that they come from.
    """
    said = [*_of_forms(runs), *_of_machines(machines), *_of_generators(entries), *_of_rates(entries)]
    if machines:
        cores = machines[0]["cores"]
        said.append(f"Gateway, Triton, cache and load generator shared {cores} cores: alone on them the system does more.")
        said += applied(offers, float(cores))
    return said


def _of_forms(runs: Sequence[Run]) -> list[str]:
    older = sum(run.schema in OLDER for run in runs)
    if not older:
        return []
    return [
        f"{older} of {len(runs)} results are of an earlier version: they show nothing over time, and count memory that processes share "
        "once, where later ones count it for each."
    ]


def _of_machines(machines: Sequence[Machine]) -> list[str]:
    return ["The results come from different machines: they cannot be held against each other."] if len(machines) > 1 else []


def _of_generators(entries: Sequence[Entry]) -> list[str]:
    behind = sum(load.generator_behind for entry in entries for load in entry.loads)
    return [f"In {behind} runs the load generator could not keep up; they do not count."] if behind else []


def _of_rates(entries: Sequence[Entry]) -> list[str]:
    said = []
    for entry in entries:
        lowest_rps = min((load.rate_rps for load in entry.loads), default=0.0)
        if entry.capacity is not None and entry.capacity.rps < lowest_rps:
            said.append(
                f"{entry.name}: {lowest_rps:,.3g} requests/s is the lowest rate that was tried; what it holds below is extrapolated."
            )
    return said
