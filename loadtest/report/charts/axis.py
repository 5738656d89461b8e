"""Axes of a chart: where values lie and which of them are named. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

STEPS = (1, 2, 2.5, 5, 10)
MOST_DECADES_NAMED_TWICE = 3
WIDE_RANGE = 30.0
"""Values whose ratio is above this are drawn on a logarithmic axis."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from `low` to `high` with named `ticks`; `scale` is what makes it linear."""

    label: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    scale: Callable[[float], float] = float

    def place(self, value: float) -> float:
        """Where a value lies: 0 is the low end, 1 the high end; values beyond stay at the end."""
        low, high = self.scale(self.low), self.scale(self.high)
        return min(max((self.scale(max(value, self.low)) - low) / (high - low), 0.0), 1.0)


def axis_from_zero(label: str, greatest: float, unit: str = "", intervals: int = 4) -> Axis:
    """An axis from 0 to a round number not below `greatest`, in about `intervals` round steps."""
    step = round_step(max(greatest, 1e-9) / intervals)
    count = max(1, math.ceil(round(greatest / step, 9)))
    return Axis(label, 0.0, count * step, [(index * step, f"{index * step:,.10g}{unit}") for index in range(count + 1)])


def axis_around(label: str, least: float, greatest: float, intervals: int = 8) -> Axis:
    """An axis between round numbers around positive values.

    It is for values too near each other to be told apart on an axis from 0.
    """
    step = round_step(max(greatest - least, 1e-3 * greatest) / intervals)
    first, last = math.floor(round(least / step, 9)), math.ceil(round(greatest / step, 9))
    last = max(last, first + 1)
    return Axis(label, first * step, last * step, [(index * step, f"{index * step:,.10g}") for index in range(first, last + 1)])


def value_axis(label: str, values: Sequence[float]) -> Axis:
    """From 0 where the positive values are of like size, else a logarithmic axis."""
    positive = [value for value in values if value > 0]
    if not positive or max(positive) / min(positive) <= WIDE_RANGE:
        return axis_from_zero(label, max(positive, default=0.0))
    return log_axis(label, min(positive), max(positive))


def log_axis(label: str, least: float, greatest: float) -> Axis:
    """A logarithmic axis around positive values.

    Its ticks are 1, 10, 100 … and, where those are few, 2 and 5 times them.
    """
    first, last = math.floor(math.log10(least)), math.ceil(math.log10(greatest))
    last = max(last, first + 1)
    factors = (1, 2, 5) if last - first <= MOST_DECADES_NAMED_TWICE else (1,)
    named = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
    low = max([value for value in named if value <= least * (1 + 1e-9)], default=named[0])
    high = min([value for value in named if value >= greatest * (1 - 1e-9)], default=named[-1])
    ticks = [(value, f"{value:,.10g}") for value in named if low <= value <= high]
    return Axis(label, low, high, ticks, math.log10)


def time_axis(duration_s: float) -> Axis:
    """An axis that ends where the run ended."""
    step = round_step(duration_s / 6)
    return Axis("seconds", 0.0, duration_s, [(index * step, f"{index * step:g}") for index in range(int(duration_s / step) + 1)])


def share_axis(label: str) -> Axis:
    """An axis from 0 to 100 %."""
    return Axis(label, 0.0, 1.0, [(quarter / 4, f"{quarter * 25}%") for quarter in range(5)])


def nines_axis(label: str, most_nines: float) -> Axis:
    """An axis of quantiles that gives each further nine the same room: 0 %, 90 %, 99 % …

    It ends at `most_nines` nines; see `nines`.
    """
    named = [(nines(quantile), f"{quantile * 100:.10g}%") for quantile in (0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)]
    return Axis(label, 0.0, max(most_nines, 1.0), [tick for tick in named if tick[0] <= max(most_nines, 1.0)])


def nines(quantile: float) -> float:
    """How many nines a quantile has: 0.9 → 1, 0.99 → 2."""
    return -math.log10(1 - quantile)


def round_step(least: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `least` (positive)."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in STEPS if step * power >= least * (1 - 1e-9))
