"""Distributions of times as weighted atoms. Pure.

They are made of measured quantiles, mixed and added, and give quantiles again.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

BODY_BINS = 120
TAIL_FROM = 0.96
TAIL_BINS_PER_DECADE = 20
TAIL_TO = 1e-6


def _edges() -> tuple[float, ...]:
    """The shares at which atoms are cut.

    They are evenly spaced in the body, and evenly in nines in the tail, so that p99.99 keeps its
    place.
    """
    body = [TAIL_FROM * step / BODY_BINS for step in range(1, BODY_BINS + 1)]
    decades = math.log10((1 - TAIL_FROM) / TAIL_TO)
    steps = math.ceil(decades * TAIL_BINS_PER_DECADE)
    tail = [1 - (1 - TAIL_FROM) * 10 ** (-decades * step / steps) for step in range(1, steps + 1)]
    return (*body, *tail, 1.0)


EDGES = _edges()
_CUTS = np.array(EDGES[:-1]) - 1e-12


@dataclass(frozen=True)
class Distribution:
    """Ascending values, each with its probability.

    The unit is the caller's: seconds throughout this package.
    """

    values: tuple[float, ...]
    weights: tuple[float, ...]

    @cached_property
    def mean(self) -> float:
        """The first moment."""
        return math.fsum(value * weight for value, weight in zip(self.values, self.weights, strict=True))

    @cached_property
    def scv(self) -> float:
        """Squared coefficient of variation, variance / mean²; 0 where the mean is 0."""
        if self.mean == 0:
            return 0.0
        second = math.fsum(value * value * weight for value, weight in zip(self.values, self.weights, strict=True))
        return max(second / self.mean**2 - 1, 0.0)

    @cached_property
    def _cumulative(self) -> tuple[float, ...]:
        return tuple(accumulate(self.weights))

    def cdf(self, value: float) -> float:
        """The probability of at most `value`."""
        index = bisect_right(self.values, value)
        return min(self._cumulative[index - 1], 1.0) if index else 0.0

    def quantile(self, share: float) -> float:
        """The value that the share `share` (0 to 1) does not exceed.

        Where two atoms meet, the quantile goes from one to the other over as much probability as
        the lighter one has: bins of a smooth distribution are joined by straight lines, and a heavy
        atom keeps its place.
        """
        index = min(bisect_left(self._cumulative, share), len(self.values) - 1)
        value, weight, top = self.values[index], self.weights[index], self._cumulative[index]
        if index + 1 < len(self.values):
            reach = min(weight, self.weights[index + 1]) / 2
            if share > top - reach:
                return value + (self.values[index + 1] - value) * (1 - (top - share) / reach) / 2
        if index:
            reach = min(weight, self.weights[index - 1]) / 2
            if share < top - weight + reach:
                return value - (value - self.values[index - 1]) * (1 - (share - top + weight) / reach) / 2
        return value

    def scaled(self, factor: float) -> "Distribution":
        """Every value times `factor` (positive)."""
        return Distribution(tuple(value * factor for value in self.values), self.weights)

    def plus(self, other: "Distribution") -> "Distribution":
        """The sum of two independent times."""
        if len(other.values) == 1:
            return Distribution(tuple(value + other.values[0] for value in self.values), self.weights)
        if len(self.values) == 1:
            return other.plus(self)
        return compact(np.add.outer(self.values, other.values).ravel(), np.multiply.outer(self.weights, other.weights).ravel())


def constant(value: float) -> Distribution:
    """Always `value`."""
    return Distribution((value,), (1.0,))


def lognormal(mean: float, scv: float) -> Distribution:
    """The lognormal distribution of this mean (positive) and squared coefficient of variation.

    Constant where `scv` is 0.
    """
    if scv == 0:
        return constant(mean)
    sigma = math.sqrt(math.log1p(scv))
    normal = NormalDist(math.log(mean) - sigma**2 / 2, sigma)
    # a bin's mean is the mean times the share of a normal moved by sigma²: the first moment is kept
    # to rounding
    moved = NormalDist(normal.mean + sigma**2, sigma)
    values, weights, low, low_part = [], [], 0.0, 0.0
    for edge in EDGES:
        part = 1.0 if edge == 1 else moved.cdf(normal.inv_cdf(edge))
        values.append(mean * (part - low_part) / (edge - low))
        weights.append(edge - low)
        low, low_part = edge, part
    return Distribution(tuple(values), tuple(weights))


def from_quantiles(quantiles: Mapping[float, float], mean: float) -> Distribution:
    """The distribution with these quantiles (share → value), linear between them, with this mean.

    Beneath the lowest quantile values fall to 0 in proportion; above the highest they stay. Where
    the mean asks for more than that, what lies above the highest quantile is an exponential tail;
    where it asks for less, all values are scaled by the same factor.

    Raises:
        ValueError: no quantiles, a share outside 0 to 1, values that fall, or a mean that is not
            positive.
    """
    points = sorted(quantiles.items())
    if not points or not all(0 < share <= 1 for share, _ in points):
        raise ValueError("quantiles need shares above 0 and up to 1")
    if any(later < earlier for (_, earlier), (_, later) in pairwise(points)) or points[0][1] < 0:
        raise ValueError("quantiles must not fall as their shares rise")
    if mean <= 0:
        raise ValueError("the mean must be positive")
    top_share = points[-1][0]
    knots = [(0.0, 0.0 if points[0][0] > 0 else points[0][1]), *points]
    shares, weights = _bins()
    values = [_interpolated(knots, min(share, top_share)) for share in shares]
    found = math.fsum(value * weight for value, weight in zip(values, weights, strict=True))
    missing = mean - found
    if missing > 0 and top_share < 1:
        beyond = [max(share - top_share, 0) / (1 - top_share) for share in shares]
        excess = [-math.log1p(-part) if part > 0 else 0.0 for part in beyond]
        unit = math.fsum(value * weight for value, weight in zip(excess, weights, strict=True))
        values = [value + missing / unit * extra for value, extra in zip(values, excess, strict=True)]
        return Distribution(tuple(values), tuple(weights))
    return Distribution(tuple(values), tuple(weights)).scaled(mean / found)


def mix(parts: Sequence[tuple[float, Distribution]]) -> Distribution:
    """One of several distributions, each with its share (the shares add up to 1)."""
    there = [(share, part) for share, part in parts if share > 0]
    return compact(
        np.concatenate([part.values for _, part in there]), np.concatenate([share * np.array(part.weights) for share, part in there])
    )


def compact(values: ArrayLike, weights: ArrayLike) -> Distribution:
    """Values in any order, each with its weight, as at most as many atoms as there are `EDGES`.

    The weights are scaled to add up to 1, and the mean is kept.
    """
    value, weight = np.asarray(values, float), np.asarray(weights, float)
    order = np.argsort(value, kind="stable")
    order = order[weight[order] > 0]
    value, weight = value[order], weight[order]
    gone = np.cumsum(weight)
    passed = np.searchsorted(_CUTS, gone / gone[-1], side="right")
    # an atom that passes an edge is the last of its bin
    begins = np.concatenate(([False], np.diff(passed, prepend=0)[:-1] > 0))
    bins = np.cumsum(begins)
    mass, moment = np.bincount(bins, weight), np.bincount(bins, weight * value)
    return Distribution(tuple((moment / mass).tolist()), tuple((mass / gone[-1]).tolist()))


def _bins() -> tuple[list[float], list[float]]:
    lows = (0.0, *EDGES[:-1])
    return [(low + high) / 2 for low, high in zip(lows, EDGES, strict=True)], [high - low for low, high in zip(lows, EDGES, strict=True)]


def _interpolated(knots: Sequence[tuple[float, float]], share: float) -> float:
    index = min(bisect_right(knots, (share, math.inf)), len(knots) - 1)
    (low, floor), (high, ceiling) = knots[index - 1], knots[index]
    return floor if high == low else floor + (ceiling - floor) * min((share - low) / (high - low), 1.0)
