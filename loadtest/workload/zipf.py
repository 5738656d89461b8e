"""Draws by Zipf's law, and what a cache makes of them."""

from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate


class ZipfRanks:
    """Ranks from 0 to `size` - 1.

    Rank r has a probability proportional to (r + 1) ** -exponent; exponent 0 draws evenly.
    """

    def __init__(self, exponent: float, size: int) -> None:
        self._cumulative = list(accumulate((rank + 1) ** -exponent for rank in range(size)))

    def rank(self, uniform: float) -> int:
        """The rank for a number from [0, 1)."""
        return bisect(self._cumulative, uniform * self._cumulative[-1], hi=len(self._cumulative) - 1)

    @property
    def probabilities(self) -> Sequence[float]:
        """The probability of each rank."""
        total = self._cumulative[-1]
        return [(high - low) / total for low, high in zip([0.0, *self._cumulative], self._cumulative, strict=False)]


def expected_repeats(probabilities: Sequence[float], draws: float) -> float:
    """The expected share of `draws` independent draws that were drawn before.

    It is 1 - E[distinct] / draws, with E[distinct] = Σ 1 - (1 - p)^draws, and so the hit rate of a
    cache that is cold at the beginning and keeps everything.
    """
    distinct: float = sum(1 - (1 - probability) ** draws for probability in probabilities)
    return max(1 - distinct / draws, 0.0)
