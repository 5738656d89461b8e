"""How long an instance works on a batch, by its size, from the phases of a profile. Pure.

The gateway divides what waits among its calls by what the texts cost, so that batches of one size
hold texts of other lengths than batches of another: long ones go alone, short ones together.
Seconds by the size of single batches would compare texts, and not sizes. The phases all have the
same texts; hence each gives one point, the mean size and the mean seconds of its batches, and the
seconds of whole sizes are linear between these points. Sizes that no phase reached are unknown.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from loadtest.planning.profiling.phases import Phase

LEAST_EXECUTIONS = 5
LEAST_STEP = 1.25
"""Times the mean size of the point before; nearer points would tell the noise of both."""


class _Point(NamedTuple):
    """The mean texts and the mean seconds of a batch."""

    texts: float
    seconds: float


def seconds_by_size(phases: Sequence[Phase]) -> dict[int, float]:
    """Mean seconds of a batch of 1, 2, 4 … texts and of the largest that there was on average.

    No batch is reported as faster than a smaller one. Empty where single texts were not measured.
    """
    points = _points(phases)
    if not points:
        return {}
    seconds = {1: points[0].seconds}
    for before, after in pairwise(points):
        for size in _sizes(before.texts, after.texts, last=after is points[-1]):
            share = (size - before.texts) / (after.texts - before.texts)
            seconds[size] = max(before.seconds + share * (after.seconds - before.seconds), *seconds.values())
    return seconds


def _points(phases: Sequence[Phase]) -> list[_Point]:
    """The point of single texts, of all their phases together, then the others."""
    singles = [phase for phase in phases if phase.request_texts == 1]
    single = _mean(singles)
    if single is None:
        return []
    points = [_Point(1.0, single.seconds / single.texts)]
    means = (_mean([phase]) for phase in phases if phase.request_texts > 1)
    for point in sorted(point for point in means if point is not None):
        if point.texts >= LEAST_STEP * points[-1].texts:
            points.append(point)
    return points


def _mean(phases: Sequence[Phase]) -> _Point | None:
    """The mean batch of phases; None where there were too few."""
    batches = [(size, batch) for phase in phases for size, batch in phase.batches.items()]
    executions = sum(batch.executions for _, batch in batches)
    if executions < LEAST_EXECUTIONS:
        return None
    texts = sum(size * batch.executions for size, batch in batches)
    return _Point(texts / executions, sum(batch.seconds for _, batch in batches) / executions)


def _sizes(above: float, up_to: float, *, last: bool) -> Iterator[int]:
    """The powers of two in a span, and its last whole number where it is the `last` one."""
    size = 2
    while size <= up_to:
        if size > above:
            yield size
        size *= 2
    if last and size // 2 < int(up_to) and int(up_to) > above:
        yield int(up_to)
