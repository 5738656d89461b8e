"""One configuration from start to result.

That is its stack, the fixed rates, the search, and what the processes took.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from loadtest.arrivals.process import Poisson
from loadtest.observation.machine import describe_machine
from loadtest.observation.versions import gateway_versions, generator_versions, triton_versions
from loadtest.planning.search.search import Found, search
from loadtest.planning.search.trial import Trial
from loadtest.planning.search.trials import Trials
from loadtest.planning.sweep.description import describe
from loadtest.planning.sweep.document import Document
from loadtest.planning.sweep.jobs import Job, workload_of
from loadtest.planning.sweep.point import FIXED, SEARCH, Kind, Point, memory_by_part, point_of
from loadtest.planning.sweep.run import Measured, Run, SearchEnd
from loadtest.planning.sweep.stack.observer import Observer
from loadtest.planning.sweep.stack.packaged import PackagedModel
from loadtest.planning.sweep.stack.running import Stack, running_stack
from loadtest.results.progress import Progress
from loadtest.results.provenance import Provenance
from loadtest.results.summary import Circumstances
from loadtest.scenario.loop import OpenLoop
from loadtest.scenario.scenario import Scenario

SEEDS_APART = 1000
"""The distance between the seeds of repetitions.

Each repetition has arrivals and texts of its own, which are the same for every configuration.
"""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Listeners to the words of a starting stack, the load that begins, and its progress."""

    on_words: Callable[[str], None]
    on_load: Callable[[str], None]
    on_progress: Callable[[Progress], None]


def measure_configuration(
    job: Job, document: Document, packaged: PackagedModel, corpus: Sequence[str], command: str, listeners: Listeners
) -> Run:
    """Measure one configuration on a stack of its own.

    Raises:
        GatewayFailedError: the stack did not start.
        SweepError: it has no Triton, or ended.
        NoAnswerError, TargetError, GeneratorError: the load could not be run, or Triton's
            statistics could not be read.
        KeyboardInterrupt: ended by hand; nothing of the configuration counts.
    """
    began_s = time.monotonic()
    provenance = Provenance(command, datetime.now(UTC).isoformat(timespec="seconds"), describe_machine())
    with running_stack(packaged, job.configuration.knobs, listeners.on_words) as stack:
        versions = {**generator_versions(), **gateway_versions(stack.gateway.url, {}), **triton_versions([stack.triton])}
        provenance = replace(provenance, versions=versions)
        points, found = _load(job, document, corpus, Circumstances(provenance), stack, listeners)
    measured = Measured(
        started_at=provenance.started_at,
        elapsed_s=time.monotonic() - began_s,
        machine=provenance.machine,
        versions=provenance.versions,
        memory_bytes=memory_at_the_end(points),
        points=tuple(points),
        search=None if found is None else SearchEnd(found.outcome, found.reason),
    )
    return Run(job.key, job.repetition, describe(job.configuration, document.model, packaged), measured)


def _load(
    job: Job, document: Document, corpus: Sequence[str], around: Circumstances, stack: Stack, listeners: Listeners
) -> tuple[list[Point], Found | None]:
    observer = Observer(stack.gateway, stack.read, listeners.on_progress)
    points: list[Point] = []

    def trials_of(kind: Kind, duration_s: float) -> Callable[[float], Trial]:
        trials = Trials(
            _scenario(job, document, stack.gateway.url, duration_s),
            corpus,
            document.objectives,
            around,
            warm_up_s=document.warm_up_s,
            shared_machine=document.shared_machine,
            on_progress=observer.on_progress,
        )

        def trial_at(rate_rps: float) -> Trial:
            listeners.on_load(f"{rate_rps:,.4g} requests/s for {duration_s:g} s{' (search)' if kind == SEARCH else ''}")
            with observer.watching() as run:
                trial = trials(rate_rps)
            seen = None if trial.results is None else run.seen(trial.results.requests.ended)
            points.append(point_of(rate_rps, kind, trial.results, seen))
            return trial

        return trial_at

    at_fixed_rate = trials_of(FIXED, document.duration_s)
    for rate_rps in document.loads.rates_rps:
        at_fixed_rate(rate_rps)
    wanted = document.loads.search
    if wanted is None:
        return points, None
    found = search(trials_of(SEARCH, wanted.duration_s or document.duration_s), wanted.bounds)
    if found.outcome == "interrupted":
        raise KeyboardInterrupt
    return points, found


def _scenario(job: Job, document: Document, url: str, duration_s: float) -> Scenario:
    return Scenario(
        url=url,
        loop=OpenLoop(Poisson(1.0), max_in_flight=document.max_in_flight),
        workload=workload_of(document, job.configuration.knobs, job.configuration.name),
        duration_s=duration_s,
        workers=document.generators,
        seed=document.seed + SEEDS_APART * job.repetition,
        timeout_s=document.timeout_s,
    )


def memory_at_the_end(points: Sequence[Point]) -> dict[str, int] | None:
    """Resident memory by part at the end of the last run that was watched; None without one."""
    watched = [point.results.observed for point in points if point.results is not None and point.batches is not None]
    return memory_by_part(watched[-1]) if watched else None
