"""Axes of a chart: the places of values, and which values are named. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

STEPS = (1, 2, 2.5, 5, 10)
MOST_TICKS = 7


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high` with named `ticks`.

    Equal distances on it are equal differences of `scale`.
    """

    label: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    scale: Callable[[float], float] = float

    def place(self, value: float) -> float:
        """The place of a value: 0 at the low end, 1 at the high end, and for values beyond."""
        low, high = self.scale(self.low), self.scale(self.high)
        return min(max((self.scale(value) - low) / (high - low), 0.0), 1.0)


def linear_axis(label: str, low: float, high: float, intervals: int = 4) -> Axis:
    """An axis between round numbers around `low` and `high`, with about `intervals` round steps."""
    if high - low < 1e-12:
        margin = max(abs(high) * 0.01, 1e-3)
        low, high = low - margin, high + margin
    step = round_step((high - low) / intervals)
    first, last = math.floor(round(low / step, 6)), math.ceil(round(high / step, 6))
    return Axis(label, first * step, last * step, [(at * step, f"{at * step:,.10g}") for at in range(first, last + 1)])


def log_axis(label: str, low: float, high: float) -> Axis:
    """A logarithmic axis that holds `low` and `high` (positive).

    Its ticks are at 1, 2 and 5 times powers of ten, or at fewer of them.
    """
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    within: list[float] = []
    for steps in ((1, 2, 5), (1, 3), (1,)):
        marks = [step * 10.0**decade for decade in decades for step in steps]
        first = max(mark for mark in marks if mark <= low * (1 + 1e-9))
        last = min(mark for mark in marks if mark >= high * (1 - 1e-9) and mark > first)
        within = [mark for mark in marks if first <= mark <= last]
        if len(within) <= MOST_TICKS:
            break
    return Axis(label, within[0], within[-1], [(mark, f"{mark:,.10g}") for mark in within], math.log10)


def log_axis_of(label: str, values: Sequence[float]) -> Axis:
    """A logarithmic axis over some (positive) values, which are its ticks."""
    distinct = sorted(set(values))
    ends = (distinct[0], distinct[-1]) if len(distinct) > 1 else (distinct[0] / 2, distinct[0] * 2)
    return Axis(label, *ends, [(value, f"{value:g}") for value in distinct], math.log10)


def counts_axis(label: str, greatest: int) -> Axis:
    """An axis of counts from 0.

    Each power of ten has the same room on it, so that rare values are seen.
    """
    powers = [10**power for power in range(math.ceil(math.log10(max(greatest, 2))) + 1)]
    return Axis(
        label, 0, powers[-1], [(0.0, "0"), *((float(power), f"{power:,}") for power in powers if power > 1 or len(powers) < 4)], math.log1p
    )


def round_step(least: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `least` (positive)."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in STEPS if step * power >= least * (1 - 1e-9))
