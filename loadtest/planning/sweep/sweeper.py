"""The loop of a sweep: what is not finished is measured, one configuration after the other, and each result kept as it ends."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from loadtest.generator.measure import GeneratorError
from loadtest.planning.sweep.errors import SweepError
from loadtest.planning.sweep.jobs import Job
from loadtest.planning.sweep.store import RUN_SCHEMA, Store
from loadtest.target.client import NoAnswerError
from loadtest.target.gateway_process import GatewayFailedError
from loadtest.target.readiness import TargetError
from loadtest.workload.workload import WorkloadError

FAULTS = (GatewayFailedError, SweepError, NoAnswerError, TargetError, GeneratorError, WorkloadError)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a sweep stands: the job that begins, its number of how many, and the seconds that are left if it goes on like that."""

    job: Job
    number: int
    total: int
    left_s: float | None


def run_jobs(
    jobs: Sequence[Job],
    store: Store,
    measure: Callable[[Job], dict[str, Any]],
    describe: Callable[[Job], dict[str, Any]],
    *,
    most: int | None = None,
    on_job: Callable[[Standing], None],
    on_end: Callable[[Job, dict[str, Any], float], None],
) -> None:
    """Measure the jobs that are not finished, at most `most` of them; one that fails is kept as failed and the others go on.

    `describe` gives what is known of a job without measuring it. KeyboardInterrupt passes through; what is finished stays.
    """
    waiting = [job for job in jobs if not store.is_finished(job.key)]
    known_s = [run["elapsed_s"] for job in jobs if (run := store.read(job.key)) is not None and run["error"] is None]
    for done, job in enumerate(waiting[:most]):
        left_s = time_left_s(known_s, len(waiting[:most]) - done)
        on_job(Standing(job, len(jobs) - len(waiting) + done + 1, len(jobs), left_s))
        began_s = time.monotonic()
        try:
            run = measure(job)
        except FAULTS as exc:
            run = failed(describe(job), str(exc))
        else:
            known_s.append(run["elapsed_s"])
        store.keep(run)
        on_end(job, run, time.monotonic() - began_s)


def failed(known: dict[str, Any], error: str) -> dict[str, Any]:
    """The result of a job that could not be measured."""
    nothing: dict[str, Any] = {"points": [], "search": None, "memory_bytes": None, "machine": None, "versions": None}
    return {"schema": RUN_SCHEMA, **known, **nothing, "started_at": None, "elapsed_s": None, "error": error}


def time_left_s(known_s: Sequence[float], jobs: int) -> float | None:
    """Seconds that so many jobs take if they take as long as those before did on average; None where there were none."""
    return sum(known_s) / len(known_s) * jobs if known_s else None
