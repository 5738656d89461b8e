"""Two searches compared: the rates that they found, with an interval from theirs.

The logarithm of a rate is taken as normal with its 95 % interval's width, and the two searches as independent.
"""

import math
from collections.abc import Mapping
from typing import Any

from loadtest.planning.comparison.difference import Difference, Interval
from loadtest.planning.comparison.student import Z_95

RATES = {"rate": "rate", "safe-rate": "safe_rate"}


def compare_searches(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """The rates of two `search.json`; none where one of them found none."""
    found = []
    for metric, field in RATES.items():
        old, new = before[field], after[field]
        if old is None or new is None:
            continue
        change = new["rps"] / old["rps"] - 1
        half = Z_95 * math.hypot(_deviation(old), _deviation(new))
        interval = Interval((1 + change) * math.exp(-half) - 1, (1 + change) * math.exp(half) - 1)
        found.append(Difference(metric, "rate", old["rps"], new["rps"], change, interval, Interval(new["low_rps"], new["high_rps"])))
    return found


def _deviation(rate: Mapping[str, float]) -> float:
    return math.log(rate["high_rps"] / rate["low_rps"]) / (2 * Z_95)
