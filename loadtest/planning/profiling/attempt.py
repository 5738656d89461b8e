"""A measured profile, whole or as far as it came. Pure."""

from dataclasses import dataclass, field
from typing import Any

from loadtest.observation.triton_statistics import Configuration
from loadtest.planning.capacity.profile import SCHEMA
from loadtest.planning.profiling.assembly import Subject, assemble, heading
from loadtest.planning.profiling.phases import Phase
from loadtest.results.verdict import keeps_up

LEAST_PHASES = 3
"""Hits alone, hits, misses: without them nothing can be put together."""


@dataclass(slots=True)
class Attempt:
    """What was measured until now. `problem` says in a sentence why it is not all; empty where it is."""

    triton: Configuration | None = None
    phases: list[Phase] = field(default_factory=list)
    points: list[Phase] = field(default_factory=list)
    problem: str = ""


def profile_of(subject: Subject, attempt: Attempt) -> tuple[dict[str, Any], list[str]]:
    """The profile as JSON values, and what it lacks or took for granted.

    One that broke off has its `problem`, and what was measured before: everything but points, or a heading alone.
    """
    problem = {"problem": attempt.problem} if attempt.problem else {}
    if attempt.triton is None or len(attempt.phases) < LEAST_PHASES:
        return {"schema": SCHEMA, **problem, **heading(subject)}, []
    kept = [point for point in attempt.points if keeps_up(point.results)]
    document, said = assemble(subject, attempt.phases, kept, attempt.triton)
    if len(kept) < len(attempt.points):
        said.append(
            f"The generator could not keep up at {len(attempt.points) - len(kept)} of {len(attempt.points)} points: they are left out."
        )
    return {"schema": SCHEMA, **problem, **document}, said
