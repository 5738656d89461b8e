"""What a sweep found of one configuration. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from loadtest.planning.search.search import Outcome
from loadtest.planning.sweep.description import Description
from loadtest.planning.sweep.findings.capacity import Capacity, capacity
from loadtest.planning.sweep.findings.loads import Load, by_rate
from loadtest.planning.sweep.findings.over_time import OverTime, run_over_time
from loadtest.planning.sweep.findings.pricing import Offer, TextsCost
from loadtest.planning.sweep.run import Run
from loadtest.slo import Slo

State = Literal["finished", "failed", "partial", "pending"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A configuration, how far it is measured, and what it holds and costs.

    `runs` are the files of its results. `capacity` is None where no run was within the SLO;
    `texts_per_s` is the capacity in texts. `search` has the outcome of each search. `hit_rate` is
    the mean over the `loads`, `memory_bytes` the mean over the runs by part. `cost` is by instance
    type.
    """

    description: Description
    state: State
    error: str | None
    runs: tuple[str, ...]
    capacity: Capacity | None
    texts_per_s: float | None
    search: tuple[Outcome, ...]
    loads: tuple[Load, ...]
    hit_rate: float | None
    memory_bytes: Mapping[str, float] | None
    over_time: OverTime | None
    cost: tuple[TextsCost, ...]

    @property
    def name(self) -> str:
        """The configuration's name, which no other has in the sweep."""
        return self.description.name

    @property
    def workload(self) -> str:
        """The workload knobs in a line."""
        return self.description.workload


def make_entry(
    description: Description, runs: Sequence[Run], jobs: int, mean_batch_size: float, slo: Slo, offers: Sequence[Offer]
) -> Entry:
    """What the results say of a configuration.

    `runs` are the results that there are, failures among them, of so many `jobs`; `mean_batch_size`
    is the mean number of texts of a request.
    """
    done = [run.measured for run in runs if run.measured is not None]
    points = [point for measured in done for point in measured.points]
    held, loads = capacity(points, slo), by_rate(points, slo)
    texts_per_s = None if held is None else held.rps * mean_batch_size
    return Entry(
        description=description,
        state=_state(jobs, len(done), len(runs)),
        error=next((run.error for run in runs if run.error), None),
        runs=tuple(f"runs/{run.key}.json" for run in runs),
        capacity=held,
        texts_per_s=texts_per_s,
        search=tuple(measured.search.outcome for measured in done if measured.search is not None),
        loads=tuple(loads),
        hit_rate=_hit_rate(loads),
        memory_bytes=_mean_parts([measured.memory_bytes for measured in done if measured.memory_bytes is not None]),
        over_time=run_over_time([run for run in runs if run.measured is not None], slo),
        cost=tuple(offer.cost(texts_per_s) for offer in offers),
    )


def _state(jobs: int, done: int, there: int) -> State:
    """The state of a configuration with so many jobs.

    So many of the jobs are `done`; so many have a result (`there`), be it a failure.
    """
    return "finished" if done == jobs else "failed" if there > done else "partial" if done else "pending"


def _hit_rate(loads: Sequence[Load]) -> float | None:
    seen = [load.cache_hit_rate for load in loads if load.cache_hit_rate is not None]
    return fmean(seen) if seen else None


def _mean_parts(parts: Sequence[Mapping[str, float]]) -> dict[str, float] | None:
    return {name: fmean(one[name] for one in parts) for name in parts[0]} if parts else None
