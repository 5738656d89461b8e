"""What an interval says in one word. Pure."""

from enum import StrEnum
from typing import Literal

from gateway.statistics.interval import Interval

Direction = Literal["increase", "decrease"]
"""In which a metric becomes better."""


class Decision(StrEnum):
    """What is known about a treatment and one metric."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference"
    NOT_ENOUGH_KNOWN = "not enough known"
    BLOCKED = "blocked"


def decide(interval: Interval | None, direction: Direction, margin: float | None = None, *, blocked: bool = False) -> Decision:
    """The decision from the interval of the difference, None where there is none yet.

    Better or worse: the interval leaves out 0. No difference: it does not, and lies within `margin`
    of 0, the greatest difference that does not count. `blocked` goes before all: with a
    sample-ratio mismatch or lost data no interval means anything.
    """
    if blocked:
        return Decision.BLOCKED
    if interval is None:
        return Decision.NOT_ENOUGH_KNOWN
    gain = interval if direction == "increase" else interval.negated()
    if gain.low > 0:
        return Decision.BETTER
    if gain.high < 0:
        return Decision.WORSE
    if margin is not None and -margin < gain.low and gain.high < margin:
        return Decision.NO_DIFFERENCE
    return Decision.NOT_ENOUGH_KNOWN
