"""What must not happen between two sides, as typed on the command line: `p99>+10%`. Pure.

condition = metric (">" | "<") bound
bound     = ("+" | "-") number "%"    a change relative to before, of throughput, latency, cost,
                                      rate: p99>+10%, throughput<-5%
          | ("+" | "-") number "pp"   a change in percentage points, of errors and hits:
                                      errors>+0.1pp
          | number unit               the value after: us, ms or s of a latency, % of a share,
                                      requests/s or USD without a unit
metric    = "throughput" | "p50" … "p99.99" | "mean" | "errors" | "hits" | "cost" | "rate"
          | "safe-rate"

A condition is met where the whole 95 % interval lies beyond the bound. Where the estimate does and
the interval does not, or there is no interval, chance may have done it: that cannot be told. With
`point` the estimate alone decides.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from loadtest.planning.comparison.difference import Difference, Interval
from loadtest.planning.comparison.metrics import KINDS
from loadtest.slo import MS_PER_UNIT

Judgement = Literal["met", "not met", "unknown"]
EXAMPLE = "'p99>+10%'"
_CONDITION = re.compile(
    r"(?P<metric>[a-z]+[-a-z\d.]*?)\s*(?P<sign>[<>])\s*(?P<direction>[+-]?)(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>%|pp|[a-zµ]*)"
)


class ConditionError(ValueError):
    """The text is no condition, or asks for what was not measured; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`metric` above (or below) `bound`.

    The bound is one of the change where `relative`, else one of the value after, in the unit of
    `Difference`.
    """

    text: str
    metric: str
    above: bool
    bound: float
    relative: bool

    @property
    def directed(self) -> bool:
        """Whether the metric is worse in one direction: hits are neither good nor bad."""
        return self.metric != "hits"

    @property
    def of_a_worse_side(self) -> bool:
        """Whether the condition is met where the side after is worse, not where it is better."""
        return self.above != (KINDS[self.metric] == "rate")

    def judge(self, differences: Sequence[Difference], *, point: bool = False) -> "Judgement":
        """Whether the condition is met; with `point` by the estimate alone.

        Raises:
            ConditionError: the metric is not among the differences.
        """
        found = next((difference for difference in differences if difference.metric == self.metric), None)
        if found is None:
            there = ", ".join(difference.metric for difference in differences) or "nothing"
            raise ConditionError(f"{self.text!r}: {self.metric} cannot be told of these files; there are {there}")
        if not self._beyond(found.change if self.relative else found.after):
            return "not met"
        interval = found.change_interval if self.relative else found.after_interval
        certain = interval is not None and self._beyond(_nearest(interval, above=self.above))
        return "met" if point or certain else "unknown"

    def _beyond(self, value: float) -> bool:
        return value > self.bound if self.above else value < self.bound


def parse_condition(text: str) -> Condition:
    """The condition that `text` spells.

    Raises:
        ConditionError: it is none, or its bound does not fit its metric.
    """
    match = _CONDITION.fullmatch(text.strip())
    if match is None:
        raise ConditionError(f"{text!r} is no condition: write METRIC>BOUND, such as {EXAMPLE}")
    metric, unit, number = match["metric"], match["unit"], float(match["number"])
    if metric not in KINDS:
        raise ConditionError(f"{text!r}: there is no metric {metric!r}, only {', '.join(KINDS)}")
    relative = bool(match["direction"])
    scale = _relative_scale(metric, unit) if relative else _absolute_scale(metric, unit)
    if scale is None:
        raise ConditionError(f"{text!r}: {metric} needs a bound like {_fitting(metric)}")
    bound = number * scale * (-1 if match["direction"] == "-" else 1)
    return Condition(text.strip(), metric, match["sign"] == ">", bound, relative)


def _relative_scale(metric: str, unit: str) -> float | None:
    wanted = "pp" if KINDS[metric] == "share" else "%"
    return 0.01 if unit == wanted else None


def _absolute_scale(metric: str, unit: str) -> float | None:
    kind = KINDS[metric]
    if kind == "latency":
        return float(MS_PER_UNIT[unit]) if unit in MS_PER_UNIT else None
    if kind == "share":
        return 0.01 if unit == "%" else None
    return 1.0 if not unit else None


def _fitting(metric: str) -> str:
    fitting = {
        "latency": "+10% or 60ms",
        "share": "+0.1pp or 1%",
        "rate": "-5% or 200 (requests/s)",
        "price": "+5% or 0.4 (USD per million)",
    }
    return fitting[KINDS[metric]]


def _nearest(interval: Interval, *, above: bool) -> float:
    return interval.low if above else interval.high
