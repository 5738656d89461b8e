"""The run of each configuration that is shown second by second. Pure.

It is the run at the highest rate that the configuration holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from loadtest.planning.sweep.run import Run
from loadtest.results.observed import ROLES, Observed
from loadtest.results.results import Results
from loadtest.results.slo_check import SloCheck
from loadtest.slo import Slo


@dataclass(frozen=True, slots=True)
class PartUse:
    """What a part of the stack took: cores of CPU, mean and most, and most resident memory."""

    mean_cores: float
    most_cores: float
    most_memory_bytes: int


@dataclass(frozen=True, slots=True)
class OverTime:
    """One run: its file, its rate, whether it was within the SLO (`held`), and what the parts took.

    `held` is None of a run that does not say: the generator was behind, or the machine busy.
    `parts` has the parts of the stack that were seen, and the generator. `results` are held against
    the SLO of the choice, and lack the histograms of the seconds.
    """

    run: str
    rate_rps: float
    held: bool | None
    parts: Mapping[str, PartUse]
    results: Results


def run_over_time(runs: Sequence[Run], slo: Slo) -> OverTime | None:
    """The run at the highest rate among those within the SLO.

    Where none was within it, the run at the lowest rate, of those that say something of the system
    if there are any. `runs` are of one configuration. None where no request ended.
    """
    judged = [(run, point.results, point.trial(slo)) for run in runs for point in run.points if point.results is not None]
    if not judged:
        return None
    held = [one for one in judged if one[2].held]
    far = max if held else min
    told = held or [one for one in judged if one[2].counts] or judged
    rate_rps = far(trial.rate_rps for _, _, trial in told)
    at_it = [one for one in told if one[2].rate_rps == rate_rps]
    run, results, trial = next((one for one in reversed(at_it) if one[1].series), at_it[-1])
    return OverTime(
        run=f"runs/{run.key}.json",
        rate_rps=rate_rps,
        held=bool(held) if trial.counts else None,
        parts=parts_of(results.observed),
        results=replace(results, slo_check=SloCheck(slo, list(trial.misses)), latency_by_second=[]),
    )


def parts_of(observed: Observed) -> dict[str, PartUse]:
    """What each part took that was seen."""
    seen = {role: points for role in ROLES if (points := observed.of_role(role))}
    return {
        role: PartUse(
            mean_cores=sum(point.cpu_cores for point in points) / len(points),
            most_cores=max(point.cpu_cores for point in points),
            most_memory_bytes=max(point.memory_bytes for point in points),
        )
        for role, points in seen.items()
    }
