"""All that a sweep found. Pure.

That is the configurations with what they hold and cost, the Pareto front, and the choice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from loadtest.planning.sweep.configuration import Configuration
from loadtest.planning.sweep.description import describe
from loadtest.planning.sweep.document import Document
from loadtest.planning.sweep.findings.cautions import cautions
from loadtest.planning.sweep.findings.choice import best, silent_runs, verdict
from loadtest.planning.sweep.findings.effects import Effect, effects
from loadtest.planning.sweep.findings.entry import Entry, make_entry
from loadtest.planning.sweep.findings.priced_points import PricedPoint, priced_points
from loadtest.planning.sweep.findings.pricing import Offer
from loadtest.planning.sweep.findings.profiles import ChosenProfile, missing, profile_of
from loadtest.planning.sweep.jobs import Job, workload_of
from loadtest.planning.sweep.profile_result import ProfileResult
from loadtest.planning.sweep.run import Machine, Run
from loadtest.planning.sweep.stack.packaged import PackagedModel
from loadtest.results.results import SloVerdict
from loadtest.slo import ERRORS, Slo

DEFAULT_METRIC = "p99"
LOAD = "load_average_1m"

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Definition:
    """What a sweep measures: its file, the jobs that come of it, the model, what is priced.

    `command` is the command line as typed.
    """

    document: Document
    jobs: Sequence[Job]
    packaged: PackagedModel
    offers: Sequence[Offer]
    command: str

    @property
    def configurations(self) -> dict[str, Configuration]:
        """What is measured, by name."""
        return {job.configuration.name: job.configuration for job in self.jobs}


@dataclass(frozen=True, slots=True)
class KeptResults:
    """The results that there are.

    Runs are by the key of their job, capacity profiles by the name of their configuration.
    """

    runs: Mapping[str, Run]
    profiles: Mapping[str, ProfileResult]


@dataclass(frozen=True, slots=True)
class SweepSummary:
    """What a sweep found for an SLO, which need not be the one that it was measured for.

    `complete`: all is measured; `interrupted`: it was ended by hand. `best` names the chosen
    configuration by workload, `profiles` has its capacity profile. `dominated` names the
    configurations of which no point is on the front; `latency_metric` is the latency of the points
    (`p99.9`). `started_at` (ISO 8601) and `measured_s` are of the results without failures, and
    `machines` and `versions` are those that they come from, each once.
    """

    definition: Definition
    slo: Slo
    complete: bool
    interrupted: bool
    verdict: tuple[str, ...]
    cautions: tuple[str, ...]
    best: Mapping[str, str]
    profiles: Mapping[str, ChosenProfile]
    entries: tuple[Entry, ...]
    dominated: frozenset[str]
    latency_metric: str
    points: tuple[PricedPoint, ...]
    effects: tuple[Effect, ...]
    machines: tuple[Machine, ...]
    versions: tuple[Mapping[str, str], ...]
    started_at: str | None
    measured_s: float

    @property
    def fixed_rates(self) -> list[float]:
        """The fixed rates that any configuration was put under, ascending."""
        return sorted({load.rate_rps for entry in self.entries for load in entry.loads if load.fixed})

    @property
    def slo_verdict(self) -> SloVerdict:
        """Whether each workload has a configuration that holds the SLO.

        It is unknown where the runs of a workload without one do not all say something of the
        system, or are not all there.
        """
        without = {entry.workload for entry in self.entries} - self.best.keys()
        if not without:
            return "held"
        is_known = self.complete and not any(silent_runs(self.entries, workload) for workload in without)
        return "missed" if is_known else "unknown"

    @property
    def failed(self) -> bool:
        """Whether a configuration or a profile could not be measured."""
        return any(entry.error for entry in self.entries) or any(profile.error for profile in self.profiles.values())


def summarize_sweep(definition: Definition, kept: KeptResults, slo: Slo, *, interrupted: bool = False) -> SweepSummary:
    """Say what the results that there are show for an SLO."""
    by_name = _by_name(definition.jobs)
    entries = [_entry(jobs, definition, kept, slo) for jobs in by_name.values()]
    metric = next((objective.metric for objective in slo.objectives if objective.metric != ERRORS), DEFAULT_METRIC)
    points = priced_points(entries, metric.replace(".", "_"), definition.offers)
    chosen = best(entries)
    profiles = {} if definition.document.profile is None else _profiles(chosen, entries, by_name, kept, slo)
    done = [run for run in kept.runs.values() if run.measured is not None]
    measured = [run.measured for run in done if run.measured is not None]
    machines = _distinct([_without_load(one.machine) for one in measured])
    return SweepSummary(
        definition=definition,
        slo=slo,
        complete=all(entry.state == "finished" for entry in entries),
        interrupted=interrupted,
        verdict=tuple(verdict(entries, chosen, slo, missing(profiles), interrupted=interrupted)),
        cautions=tuple(cautions(entries, machines, done, definition.offers)),
        best=chosen,
        profiles=profiles,
        entries=tuple(entries),
        dominated=_dominated(points),
        latency_metric=metric,
        points=tuple(points),
        effects=tuple(effects(entries)),
        machines=tuple(machines),
        versions=tuple(_distinct([one.versions for one in measured])),
        started_at=min((one.started_at for one in measured), default=None),
        measured_s=sum(one.elapsed_s for one in measured),
    )


def _by_name(jobs: Sequence[Job]) -> dict[str, list[Job]]:
    by_name: dict[str, list[Job]] = {}
    for job in jobs:
        by_name.setdefault(job.configuration.name, []).append(job)
    return by_name


def _entry(jobs: Sequence[Job], definition: Definition, kept: KeptResults, slo: Slo) -> Entry:
    """The entry of the configuration that all of these jobs measure."""
    configuration = jobs[0].configuration
    workload = workload_of(definition.document, configuration.knobs, configuration.name)
    return make_entry(
        describe(configuration, definition.document.model, definition.packaged),
        _runs(jobs, kept),
        len(jobs),
        workload.mean_batch_size,
        slo,
        definition.offers,
    )


def _profiles(
    chosen: Mapping[str, str], entries: Sequence[Entry], by_name: Mapping[str, Sequence[Job]], kept: KeptResults, slo: Slo
) -> dict[str, ChosenProfile]:
    found = {}
    for workload, name in chosen.items():
        entry = next(one for one in entries if one.name == name)
        points = [point for run in _runs(by_name[name], kept) for point in run.points]
        found[workload] = profile_of(kept.profiles.get(name), entry, points, slo)
    return found


def _runs(jobs: Sequence[Job], kept: KeptResults) -> list[Run]:
    return [kept.runs[job.key] for job in jobs if job.key in kept.runs]


def _dominated(points: Sequence[PricedPoint]) -> frozenset[str]:
    return frozenset(point.configuration for point in points) - {point.configuration for point in points if point.front}


def _without_load(machine: Machine) -> Machine:
    """The machine whatever else it did when a run began."""
    return {name: value for name, value in machine.items() if name != LOAD}


def _distinct(values: Sequence[Value]) -> list[Value]:
    found: list[Value] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found
