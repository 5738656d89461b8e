"""Looks that are far enough apart for rates between them to mean something. Pure."""

from collections.abc import Sequence
from typing import TypeVar

LEAST_S = 0.5
Look = TypeVar("Look", bound=tuple[object, ...])


def space_out(looks: Sequence[Look], times_s: Sequence[float]) -> list[Look]:
    """The looks, taken at ascending times, without those that another follows, or the first precedes, within half a second."""
    kept: list[int] = []
    for index, time_s in enumerate(times_s):
        if kept and time_s - times_s[kept[-1]] < LEAST_S:
            if len(kept) == 1:
                continue
            kept.pop()
        kept.append(index)
    return [looks[index] for index in kept]
