"""The loop of a sweep: what is not finished is measured, one configuration after the other.

Each result is kept as its measurement ends.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loadtest.generator.measure import GeneratorError
from loadtest.planning.sweep.description import Description
from loadtest.planning.sweep.errors import SweepError
from loadtest.planning.sweep.jobs import Job
from loadtest.planning.sweep.run import Run
from loadtest.planning.sweep.store import Store
from loadtest.target.client import NoAnswerError
from loadtest.target.gateway_process import GatewayFailedError
from loadtest.target.readiness import TargetError
from loadtest.workload.workload import WorkloadError

FAULTS = (GatewayFailedError, SweepError, NoAnswerError, TargetError, GeneratorError, WorkloadError)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a sweep stands: the job that begins, and its number among all.

    `left_s` is how many seconds are left if the sweep goes on like that, None where that is not
    known.
    """

    job: Job
    number: int
    total: int
    left_s: float | None


def run_jobs(
    jobs: Sequence[Job],
    store: Store[Run],
    measure: Callable[[Job], Run],
    describe: Callable[[Job], Description],
    *,
    most: int | None = None,
    on_job: Callable[[Standing], None],
    on_end: Callable[[Run, float], None],
) -> None:
    """Measure the jobs that are not finished, at most `most` of them.

    A job that fails is kept as failed, and the others go on; `describe` gives what is known of a
    job without measuring it. `on_end` is given the result and the seconds that it took.
    KeyboardInterrupt passes through; what is finished stays.
    """
    waiting = [job for job in jobs if not store.is_finished(job.key)]
    kept = [run.measured for job in jobs if (run := store.read(job.key)) is not None]
    known_s = [measured.elapsed_s for measured in kept if measured is not None]
    for done, job in enumerate(waiting[:most]):
        left_s = time_left_s(known_s, len(waiting[:most]) - done)
        on_job(Standing(job, len(jobs) - len(waiting) + done + 1, len(jobs), left_s))
        began_s = time.monotonic()
        try:
            run = measure(job)
        except FAULTS as exc:
            run = Run(job.key, job.repetition, describe(job), None, str(exc))
        if run.measured is not None:
            known_s.append(run.measured.elapsed_s)
        store.keep(run)
        on_end(run, time.monotonic() - began_s)


def time_left_s(known_s: Sequence[float], jobs: int) -> float | None:
    """Seconds that so many jobs take if they take as long as those before did on average.

    None where there were none before.
    """
    return sum(known_s) / len(known_s) * jobs if known_s else None
