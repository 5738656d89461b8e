"""Samples that are far enough apart for rates between them to mean something. Pure."""

from collections.abc import Sequence
from typing import TypeVar

LEAST_S = 0.5
Sampled = TypeVar("Sampled", bound=tuple[object, ...])


def space_out(samples: Sequence[Sampled], times_s: Sequence[float]) -> list[Sampled]:
    """Samples, taken at ascending times, without those that lie too close to another.

    A sample is left out where the next one follows within half a second, or where it follows the
    first one within half a second.
    """
    kept: list[int] = []
    for index, time_s in enumerate(times_s):
        if kept and time_s - times_s[kept[-1]] < LEAST_S:
            if len(kept) == 1:
                continue
            kept.pop()
        kept.append(index)
    return [samples[index] for index in kept]
