"""The limit of texts that may be held at once, by additive increase and multiplicative decrease.

It follows their latency. Pure: the clock is passed in.
"""

from enum import Enum
from math import inf

INCREASE = 8.0
"""By how many permits the limit grows per round of answers, after the slow start."""
GENTLEST, HARSHEST = 0.9, 0.5
"""The factors between which a cut lies."""
START = 4
"""The first limit, as a multiple of the minimum."""


class Outcome(Enum):
    """What the use of a permit says about the load."""

    SUCCESS = "success"
    """Its text was answered."""
    IGNORED = "ignored"
    """Nothing: the caller left, or another fault ended it."""
    DROPPED = "dropped"
    """It was refused by a full queue, or it got no answer in time and was late."""


class AimdLimit:
    """A limit between `minimum` and `maximum` that keeps latencies at about `target_s` seconds.

    It moves like TCP's congestion window (RFC 5681): it doubles with each round of answers until
    the first congestion (slow start) and then grows by `INCREASE` permits a round. It is cut at
    most once a round, since a permit from before a cut says nothing about the limit after it; the
    cut is as deep as the target was missed. The limit grows only while at least half of it is in
    use.
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

    def sample(self, outcome: Outcome, admitted_s: float, now_s: float, held: int) -> None:
        """Learn from a permit that was taken at `admitted_s` and given back at `now_s`.

        `held` permits were held then.
        """
        if outcome is Outcome.IGNORED or admitted_s < self._cut_s:
            return
        latency_s = now_s - admitted_s
        if outcome is Outcome.DROPPED or latency_s > self.target_s:
            share = self.target_s / latency_s if latency_s > self.target_s else GENTLEST
            self.value = max(self.minimum, self.value * min(GENTLEST, max(HARSHEST, share)))
            self._cut_s, self._slow_start = now_s, False
        elif 2 * held >= self.value:
            self.value = min(self.maximum, self.value + (1 if self._slow_start else INCREASE / self.value))
