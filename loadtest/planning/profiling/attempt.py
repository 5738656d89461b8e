"""A measured profile, whole or as far as it came. Pure."""

from dataclasses import dataclass, field

from loadtest.observation.triton_statistics import Configuration
from loadtest.planning.profiling.assembly import Assembled, Subject, assemble, heading
from loadtest.planning.profiling.phases import Phase
from loadtest.results.figures import plural

LEAST_PHASES = 3
"""Hits alone, hits, misses: without them nothing can be put together."""


@dataclass(slots=True)
class Attempt:
    """What was measured until now.

    `problem` says in a sentence why that is not all, and is empty where it is.
    """

    triton: Configuration | None = None
    phases: list[Phase] = field(default_factory=list)
    points: list[Phase] = field(default_factory=list)
    problem: str = ""


def profile_of(subject: Subject, attempt: Attempt) -> Assembled:
    """The profile that an attempt gives.

    One that broke off has its `problem` and what was measured before: everything but points, or a
    heading alone.
    """
    if attempt.triton is None or len(attempt.phases) < LEAST_PHASES:
        return Assembled(heading(subject, attempt.problem), [])
    in_time = [point for point in attempt.points if point.results.kept_up]
    kept = [point for point in in_time if not point.results.doubts]
    profile, cautions = assemble(subject, attempt.phases, kept, attempt.triton, attempt.problem)
    late, doubtful = len(attempt.points) - len(in_time), len(in_time) - len(kept)
    if late:
        cautions.append(f"The generator could not keep up at {late} of {plural(len(attempt.points), 'point')}: {_left_out(late)}.")
    if doubtful:
        cautions.append(
            f"Other work, or a generator short of CPU, may have slowed {doubtful} of {plural(len(attempt.points), 'point')}: "
            f"{_left_out(doubtful)}, since a model of the system is not held against them."
        )
    runs = attempt.phases + attempt.points
    disturbed = [seen for run in runs if run.results.disturbed and (seen := run.results.contention) is not None]
    if disturbed:
        worst = max(disturbed, key=lambda seen: seen.taken_share)
        said = f"Other work took more than a tenth of the machine in {len(disturbed)} of {plural(len(runs), 'run')}"
        cautions.append(" ".join(filter(None, (f"{said}: measure again when it is quiet.", worst.named))))
        profile["measured"]["disturbed"] = f"{said}."
    return Assembled(profile, cautions)


def _left_out(points: int) -> str:
    return "it is left out" if points == 1 else "they are left out"
