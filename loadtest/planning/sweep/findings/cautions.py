"""What a reader must know before trusting a sweep, a sentence each. Pure."""

from collections.abc import Sequence

from loadtest.planning.sweep.findings.entry import Entry
from loadtest.planning.sweep.findings.pricing import Offer, applied
from loadtest.planning.sweep.run import OLDER, Machine, Run
from loadtest.results.figures import plural


def cautions(entries: Sequence[Entry], machines: Sequence[Machine], runs: Sequence[Run], offers: Sequence[Offer]) -> list[str]:
    """What speaks against the figures.

    `runs` are the results without failures, `machines` are those that they come from.
    """
    said = [*_of_forms(runs), *_of_machines(machines), *_of_generators(entries), *_of_rates(entries)]
    if machines:
        cores = machines[0]["cores"]
        said.append(f"Gateway, Triton, cache and load generator shared {plural(int(cores), 'core')}: alone on them the system does more.")
        said += applied(offers, float(cores))
    return said


def _of_forms(runs: Sequence[Run]) -> list[str]:
    older = sum(run.schema in OLDER for run in runs)
    if not older:
        return []
    return [
        f"{older} of {plural(len(runs), 'result')} {'is' if older == 1 else 'are'} of an earlier version, with nothing over time. "
        "Memory that processes share counts once there, and for each in later ones."
    ]


def _of_machines(machines: Sequence[Machine]) -> list[str]:
    return ["The results come from different machines: they cannot be held against each other."] if len(machines) > 1 else []


def _of_generators(entries: Sequence[Entry]) -> list[str]:
    behind = sum(load.generator_behind for entry in entries for load in entry.loads)
    disturbed = sum(load.disturbed for entry in entries for load in entry.loads)
    said = []
    if behind:
        said.append(
            f"In {plural(behind, 'run')} the load generator could not keep up or was short of CPU; "
            f"{'it does' if behind == 1 else 'they do'} not count."
        )
    if disturbed:
        said.append(
            f"In {plural(disturbed, 'run')} other work took more than a tenth of the machine; what was missed then does not count: "
            "sweep when the machine is quiet."
        )
    return said


def _of_rates(entries: Sequence[Entry]) -> list[str]:
    said = []
    for entry in entries:
        lowest_rps = min((load.rate_rps for load in entry.loads), default=0.0)
        if entry.capacity is not None and entry.capacity.rps < lowest_rps:
            said.append(
                f"{entry.name}: {lowest_rps:,.3g} requests/s is the lowest rate that was tried; what it holds below is extrapolated."
            )
    return said
