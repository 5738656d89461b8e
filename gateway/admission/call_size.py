"""How much one call may cost, so that others wait for it for a short time only. Pure."""

from math import inf
from typing import NamedTuple

from gateway.admission.service_times import ServiceTimes


class _Size(NamedTuple):
    """How much a call may hold: so many texts of mean cost, and so many times what a call costs
    beside its texts. It may take at least `least_s`, so that the calls of a fast model do not cost
    more than their texts.
    """

    texts: float
    overheads: float
    least_s: float


USUAL, SMALL = _Size(8.0, 8.0, 0.040), _Size(1.0, 1.25, 0.005)
"""A usual call takes as long as eight calls for a single text.

A small one takes as long as one text alone, and a quarter longer of what a call costs beside its
texts: some texts go along for the cost of the call, and a text that comes beside bulk work is
answered within three times what it takes alone.
"""
SMALL_FOR_S = 30.0
"""So long after somebody met work that others keep bringing, calls stay small."""


class CallSize:
    """The cost of calls, by the times that calls take."""

    def __init__(self, times: ServiceTimes) -> None:
        self._times = times
        self._shrunk_s = -inf

    def shrink(self, now_s: float) -> None:
        """Somebody waits for those who bring far more: keep calls small for a while."""
        self._shrunk_s = now_s

    def is_small(self, now_s: float) -> bool:
        """Whether calls are kept small."""
        return now_s - self._shrunk_s < SMALL_FOR_S

    def budget(self, now_s: float, *, beside_others: bool) -> int:
        """How much the next call may cost; with `beside_others` it is small in any case."""
        size = SMALL if beside_others or self.is_small(now_s) else USUAL
        cost = size.texts * self._times.cost_of_a_text + size.overheads * self._times.overhead
        cost = max(cost, self._times.cost_of(size.least_s))
        return max(1, int(cost)) if cost < inf else 2**63
