"""HDR histograms of durations, which are merged and encoded without loss.

The width of each bucket is below a fixed share of its value. The unit is microseconds, from 1 µs to
an hour; a longer duration counts as an hour. This is the one module that imports `hdrhistogram`.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Self

from hdrh.histogram import HdrHistogram

MAX_US = 3_600_000_000
EXACT_DIGITS = 3
"""Significant digits of a run's histograms: a value is exact to 0.1 %."""
INTERVAL_DIGITS = 2
"""Significant digits of the histogram of one second: exact to 1 %, with an eighth of the memory."""
US_PER_S, US_PER_MS = 1_000_000, 1_000


class Histogram:
    """Counts of durations.

    Its values are the upper ends of buckets, so that no percentile is given too low.
    """

    def __init__(self, digits: int = EXACT_DIGITS) -> None:
        self._hdr: Any = HdrHistogram(1, MAX_US, digits)
        self._sum_us = 0

    def __len__(self) -> int:
        return int(self._hdr.total_count)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment] # it changes

    def record_s(self, duration_s: float) -> None:
        """Count one duration; a negative one counts as 0."""
        value_us = min(max(int(duration_s * US_PER_S), 0), MAX_US)
        self._hdr.record_value(value_us)
        self._sum_us += value_us

    def add(self, other: Self) -> None:
        """Count all that `other`, of the same digits, counted."""
        if len(other):
            self._hdr.add(other._hdr)
            self._sum_us += other._sum_us

    def quantile_ms(self, quantile: float) -> float:
        """The smallest value in ms that the share `quantile` (0 to 1) does not exceed.

        That is the value of the nearest rank; 0 where nothing was counted.
        """
        return self.quantiles_ms([quantile])[0]

    def quantiles_ms(self, quantiles: Sequence[float]) -> list[float]:
        """`quantile_ms` of each, in one pass."""
        total = len(self)
        if not total:
            return [0.0] * len(quantiles)
        # the library's percentile of `100 * rank / total` is the value of that rank
        percents = [100 * rank(quantile, total) / total for quantile in quantiles]
        found = self._hdr.get_percentile_to_value_dict(percents)
        return [found[percent] / US_PER_MS for percent in percents]

    @property
    def mean_ms(self) -> float:
        """The mean, exact to a microsecond; 0 where nothing was counted."""
        return self._sum_us / len(self) / US_PER_MS if len(self) else 0.0

    @property
    def min_ms(self) -> float:
        """The least value."""
        return float(self._hdr.get_min_value()) / US_PER_MS

    @property
    def max_ms(self) -> float:
        """The greatest value."""
        return float(self._hdr.get_max_value()) / US_PER_MS

    def counts(self) -> list[tuple[float, int]]:
        """(ms, how many) of each value that was counted, ascending."""
        hdr = self._hdr
        # the library's own iterator computes the values of empty buckets, too, which are most of
        # them
        return [
            (hdr.get_highest_equivalent_value(hdr.get_value_from_index(index)) / US_PER_MS, count)
            for index, count in enumerate(hdr.counts)
            if count
        ]

    def encode(self) -> str:
        """HdrHistogram's own encoding (V2, compressed, base64), in microseconds.

        It is "" where nothing was counted.
        """
        return str(self._hdr.encode().decode("ascii")) if len(self) else ""

    @classmethod
    def decode(cls, encoded: str, digits: int = EXACT_DIGITS, mean_ms: float = 0.0) -> Self:
        """The histogram that `encode` wrote.

        The encoding does not hold the mean; `mean_ms` gives it back where it is needed.
        """
        histogram = cls(digits)
        if encoded:
            # added to an empty one, since a decoded one cannot count further
            histogram._hdr.add(HdrHistogram.decode(encoded))
        histogram._sum_us = round(mean_ms * US_PER_MS * len(histogram))
        return histogram

    def to_dict(self) -> dict[str, Any]:
        """As JSON values: the encoding, and the sum that it does not hold."""
        return {"hdr": self.encode(), "digits": self._hdr.significant_figures, "sum_us": self._sum_us}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The histogram that `to_dict` wrote."""
        histogram = cls.decode(values["hdr"], values["digits"])
        histogram._sum_us = values["sum_us"]
        return histogram


def merged(histograms: Iterable[Histogram], digits: int = EXACT_DIGITS) -> Histogram:
    """One histogram of all that these, of the same digits, counted."""
    total = Histogram(digits)
    for histogram in histograms:
        total.add(histogram)
    return total


def rank(quantile: float, total: int) -> int:
    """Which of `total` ascending values is the quantile (1-based).

    It is the first that the share `quantile` of them does not exceed.
    """
    # the rounding keeps 0.07 * 100 = 7.000000000000001 at rank 7
    return max(math.ceil(round(quantile * total, 9)), 1)
