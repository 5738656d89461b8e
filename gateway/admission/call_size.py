"""How much one call may cost, so that others wait for it for a short time only. Pure."""

from math import inf
from typing import NamedTuple

from gateway.admission.service_times import ServiceTimes


class _Size(NamedTuple):
    """How long a call may take: so many times what a call for a single text takes, and at least
    `least_s`, since the calls of a fast model would else cost more than their texts.
    """

    times_lone: float
    least_s: float


USUAL, SMALL = _Size(8.0, 0.040), _Size(1.0, 0.005)
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
        if (lone_s := self._times.lone_s) is None:
            # one text among others takes at most as long as one alone
            cost = max(self._times.cost_of(size.least_s), size.times_lone * self._times.cost_of_a_text)
        else:
            cost = self._times.cost_of(max(size.least_s, size.times_lone * lone_s))
        return max(1, int(cost)) if cost < inf else 2**63
