"""How many texts may be held at once: additive increase, multiplicative decrease on their latency. Pure: the clock is passed in."""

from enum import Enum
from math import inf

INCREASE = 8.0
"""Permits won per round of answers, once the first congestion has ended the slow start."""
GENTLEST, HARSHEST = 0.9, 0.5
START = 4
"""Times the minimum, before anything is known."""


class Outcome(Enum):
    """What a permit's use says of the load: answered, nothing (its caller left, another fault), or refused by a full queue."""

    SUCCESS = "success"
    IGNORED = "ignored"
    DROPPED = "dropped"


class AimdLimit:
    """A limit between `minimum` and `maximum` that keeps latencies about `target_s` seconds.

    As TCP does (RFC 5681): the limit doubles with each round of answers until the first congestion, then grows by `INCREASE`
    permits a round, and is cut at most once a round: what was admitted before a cut says nothing about the limit after it. A cut is
    as deep as the target was missed by. The limit grows only while at least half of it is in use.
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
        """Move between other bounds from now on; a limit that is between them stays."""
        self.minimum, self.maximum = min(minimum, maximum), maximum
        self.value = float(max(self.minimum, min(self.maximum, self.value)))

    def sample(self, outcome: Outcome, admitted_s: float, now_s: float, held: int) -> None:
        """Learn from one permit: taken at `admitted_s`, given back at `now_s`, when `held` were out."""
        if outcome is Outcome.IGNORED or admitted_s < self._cut_s:
            return
        latency_s = now_s - admitted_s
        if outcome is Outcome.DROPPED or latency_s > self.target_s:
            share = self.target_s / latency_s if latency_s > self.target_s else GENTLEST
            self.value = max(self.minimum, self.value * min(GENTLEST, max(HARSHEST, share)))
            self._cut_s, self._slow_start = now_s, False
        elif 2 * held >= self.value:
            self.value = min(self.maximum, self.value + (1 if self._slow_start else INCREASE / self.value))
