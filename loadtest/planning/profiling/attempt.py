"""A measured profile, whole or as far as it came. Pure."""

from dataclasses import dataclass, field

from loadtest.observation.triton_statistics import Configuration
from loadtest.planning.profiling.assembly import Assembled, Subject, assemble, heading
from loadtest.planning.profiling.phases import Phase

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
    kept = [point for point in attempt.points if point.results.kept_up]
    profile, cautions = assemble(subject, attempt.phases, kept, attempt.triton, attempt.problem)
    if len(kept) < len(attempt.points):
        cautions.append(
            f"The generator could not keep up at {len(attempt.points) - len(kept)} of {len(attempt.points)} points: they are left out."
        )
    disturbed = sum(phase.results.disturbed for phase in attempt.phases + kept)
    if disturbed:
        cautions.append(
            f"Other work took more than a tenth of the machine in {disturbed} of {len(attempt.phases + kept)} runs: "
            "measure again when it is quiet."
        )
    return Assembled(profile, cautions)
