"""One metric of two sides, and how much it changed."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["rate", "latency", "share", "price"]
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric before and after, in its unit (requests/s, ms, share, USD).

    `change` is after − before of a share, else after / before − 1. `change_interval` and
    `after_interval` are None where too little was seen to tell.
    """

    metric: str
    kind: Kind
    before: float
    after: float
    change: float
    change_interval: Interval | None = None
    after_interval: Interval | None = None

    @property
    def certain(self) -> bool:
        """Whether the interval excludes that nothing changed."""
        seen = self.change_interval
        return seen is not None and (seen.low > 0 or seen.high < 0)


def change_of(kind: Kind, before: float, after: float) -> float | None:
    """The change of a metric; None where it is relative to nothing."""
    if kind == "share":
        return after - before
    return after / before - 1 if before else None
