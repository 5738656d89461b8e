"""An interval that a parameter lies in. Pure."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """All values from `low` to `high`; both may be infinite."""

    low: float
    high: float

    def excludes(self, value: float) -> bool:
        """Whether a value lies outside."""
        return value < self.low or value > self.high

    def negated(self) -> "Interval":
        """The interval of the parameter with its sign changed."""
        return Interval(-self.high, -self.low)


EVERYTHING = Interval(-math.inf, math.inf)


def around(estimate: float, half_width: float) -> Interval:
    """The interval with an estimate in its middle."""
    return Interval(estimate - half_width, estimate + half_width)
