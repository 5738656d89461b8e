"""The limit of texts in flight, by additive increase and multiplicative decrease.

It follows the latency of their calls. Pure: the clock is passed in.
"""

from enum import Enum
from math import inf

INCREASE = 8.0
"""By how many texts the limit grows per round of answers, after the slow start.

A limit of fewer texts grows as in the slow start: it doubles.
"""
GENTLEST, HARSHEST = 0.9, 0.5
"""The factors between which a cut lies."""
START = 4
"""The first limit, as a multiple of the minimum."""


class Outcome(Enum):
    """What a call says about the load."""

    SUCCESS = "success"
    """It was answered."""
    IGNORED = "ignored"
    """Nothing: a fault that is no sign of load ended it."""
    DROPPED = "dropped"
    """A full queue refused it, or it got no answer in time and was late."""


class AimdLimit:
    """A limit between `minimum` and `maximum` that keeps latencies at about `target_s` seconds.

    It moves like TCP's congestion window (RFC 5681): it doubles with each round of answers until
    the first congestion (slow start) and then grows by `INCREASE` texts a round. It is cut at most
    once a round, since a call from before a cut says nothing about the limit after it; the cut is
    as deep as the target was missed. The limit grows only while at least half of it is in use.
    """

    def __init__(self, minimum: int, maximum: int, target_s: float) -> None:
        self.target_s = target_s
        self.value = float(START * min(minimum, maximum))
        self.set_bounds(minimum, maximum)
        self._slow_start = True
        self._cut_s = -inf

    def __repr__(self) -> str:
        return f"<AimdLimit {self.value:.0f} of {self.minimum} to {self.maximum}>"

    def set_bounds(self, minimum: int, maximum: int) -> None:
        """Move between other bounds from now on; a limit that lies between them stays as it is."""
        self.minimum, self.maximum = min(minimum, maximum), maximum
        self.value = float(max(self.minimum, min(self.maximum, self.value)))

    def sample(self, outcome: Outcome, texts: int, began_s: float, now_s: float, in_flight: int) -> None:
        """Learn from a call for so many texts that lasted from `began_s` to `now_s`.

        So many texts were `in_flight` then, its own included.
        """
        if outcome is Outcome.IGNORED or began_s < self._cut_s:
            return
        latency_s = now_s - began_s
        if outcome is Outcome.DROPPED or latency_s > self.target_s:
            share = self.target_s / latency_s if latency_s > self.target_s else GENTLEST
            self.value = max(self.minimum, self.value * min(GENTLEST, max(HARSHEST, share)))
            self._cut_s, self._slow_start = now_s, False
        elif 2 * in_flight >= self.value:
            share = 1.0 if self._slow_start else min(1.0, INCREASE / self.value)
            self.value = min(self.maximum, self.value + share * texts)
