"""Two searches compared: the rates that they found, with an interval from theirs.

The logarithm of a rate is taken as normal, as wide as its 95 % interval says, and the two searches
as independent.
"""

import math

from loadtest.planning.comparison.difference import Difference, Interval
from loadtest.planning.comparison.student import Z_95
from loadtest.planning.search.edge import Estimate
from loadtest.planning.search.search_json import SearchFile


def compare_searches(before: SearchFile, after: SearchFile) -> list[Difference]:
    """The rates of two searches; none where one of them found none."""
    rates = {"rate": (before.rate, after.rate), "safe-rate": (before.safe_rate, after.safe_rate)}
    return [_difference(metric, old, new) for metric, (old, new) in rates.items() if old is not None and new is not None]


def _difference(metric: str, old: Estimate, new: Estimate) -> Difference:
    change = new.rps / old.rps - 1
    half = Z_95 * math.hypot(_deviation(old), _deviation(new))
    interval = Interval((1 + change) * math.exp(-half) - 1, (1 + change) * math.exp(half) - 1)
    return Difference(metric, "rate", old.rps, new.rps, change, interval, Interval(new.low_rps, new.high_rps))


def _deviation(rate: Estimate) -> float:
    return math.log(rate.high_rps / rate.low_rps) / (2 * Z_95)
