"""A rate over time as straight lines between knots, and when the n-th arrival under it is due."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence

DIURNAL_KNOTS = 96
"""A quarter of an hour each, where the period is a day."""


class RateCurve:
    """Arrivals per second over time.

    Two knots at one time are a jump. The rate stays what it is before the first knot and after the
    last.

    Args:
        knots: (seconds, arrivals per second), in order of time, the first at 0.
    """

    def __init__(self, knots: Sequence[tuple[float, float]]) -> None:
        self._knots = list(knots)
        self._expected = [0.0]
        for (start_s, low), (end_s, high) in zip(self._knots, self._knots[1:], strict=False):
            self._expected.append(self._expected[-1] + (end_s - start_s) * (low + high) / 2)

    def expected(self, time_s: float) -> float:
        """How many arrivals are expected until `time_s`."""
        index = bisect_right(self._knots, (time_s, math.inf)) - 1
        start_s, rate = self._knots[index]
        after_s = time_s - start_s
        return self._expected[index] + after_s * (rate + self._slope(index) * after_s / 2)

    def when(self, arrivals: float) -> float:
        """When `arrivals` are expected to have come: the inverse of `expected`.

        It is infinite where the rate comes to 0 and stays there before so many have come.
        """
        index = bisect_right(self._expected, arrivals) - 1
        start_s, rate = self._knots[index]
        missing = arrivals - self._expected[index]
        if missing == 0:
            return start_s if rate > 0 or self._slope(index) > 0 else math.inf
        # solves rate * t + slope * t² / 2 = missing, in the form that loses no digits where the
        # slope is small
        root = math.sqrt(max(rate * rate + 2 * self._slope(index) * missing, 0.0))
        return start_s + 2 * missing / (rate + root) if rate + root > 0 else math.inf

    def _slope(self, index: int) -> float:
        if index + 1 >= len(self._knots):
            return 0.0
        (start_s, low), (end_s, high) = self._knots[index : index + 2]
        return (high - low) / (end_s - start_s) if end_s > start_s else 0.0


def constant(rate_rps: float) -> RateCurve:
    """One rate that never changes."""
    return RateCurve([(0.0, rate_rps)])


def ramp(from_rps: float, to_rps: float, over_s: float) -> RateCurve:
    """A rate that goes from one to another in `over_s` seconds, in a straight line."""
    return RateCurve([(0.0, from_rps), (over_s, to_rps)])


def steps(rates_rps: Iterable[float], each_s: float) -> RateCurve:
    """One rate after the other, `each_s` seconds each."""
    knots: list[tuple[float, float]] = []
    for index, rate_rps in enumerate(rates_rps):
        knots += [(index * each_s, rate_rps), ((index + 1) * each_s, rate_rps)]
    return RateCurve(knots)


def spike(rate_rps: float, peak_rps: float, at_s: float, for_s: float) -> RateCurve:
    """A rate that jumps to a peak at `at_s`, and back after `for_s` seconds."""
    end_s = at_s + for_s
    return RateCurve([(0.0, rate_rps), (at_s, rate_rps), (at_s, peak_rps), (end_s, peak_rps), (end_s, rate_rps)])


def diurnal(rate_rps: float, peak_to_mean: float, period_s: float, until_s: float) -> RateCurve:
    """A day as a cosine with the mean `rate_rps`.

    Each period begins and ends at the trough, and the peak is in its middle.
    """
    step_s = period_s / DIURNAL_KNOTS
    swing = rate_rps * (peak_to_mean - 1)
    return RateCurve(
        [
            (index * step_s, rate_rps - swing * math.cos(2 * math.pi * index / DIURNAL_KNOTS))
            for index in range(math.ceil(until_s / step_s) + 1)
        ]
    )
