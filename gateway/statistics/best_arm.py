"""How probable it is of each arm that its rate is the best: what Thompson sampling draws by. Pure.

A rate's posterior is taken as normal around its estimate. Thompson sampling gives an arm the share
of new units with which it is the best (W. R. Thompson, "On the likelihood that one unknown
probability exceeds another in view of the evidence of two samples", Biometrika 25, 1933):

    P(i is best) = ∫ φᵢ(x) · Π_{j≠i} Φⱼ(x) dx

which is integrated here, and not drawn, so that every gateway gets the same weights.
"""

from collections.abc import Sequence
from math import exp, pi, prod, sqrt
from statistics import NormalDist
from typing import Final, NamedTuple

from gateway.statistics.moments import Moments

WIDTH: Final = 8.0
"""In standard deviations around an estimate; what lies beyond is nothing in double precision."""
STEPS: Final = 400


class Rate(NamedTuple):
    """A rate's estimate, and the variance of the estimate."""

    estimate: float
    variance: float


def rate_over(periods: Sequence[tuple[float, Moments]]) -> Rate:
    """The rate of an arm's events over periods with other weights; each counts by its units of all.

    A trend over time then moves all arms alike. One event and one without are added to each
    period's (Agresti and Coull), so that few units leave much open.
    """
    total = sum(share for share, _ in periods)
    estimate = variance = 0.0
    for share, arm in periods:
        units, events = arm.units + 2, arm.sums[0] + 1
        rate, part = events / units, share / total
        estimate += part * rate
        variance += part * part * rate * (1 - rate) / units
    return Rate(estimate, variance)


def probabilities_of_best(rates: Sequence[Rate]) -> list[float]:
    """Of each rate, the probability that it is the highest; they add up to 1."""
    found = [_best(i, rates) for i in range(len(rates))]
    total = sum(found)
    return [one / total for one in found]


def _best(arm: int, rates: Sequence[Rate]) -> float:
    """By the trapezium rule: to a thousandth, even where rates are known unequally well."""
    own = rates[arm]
    others = [NormalDist(one.estimate, sqrt(one.variance)) for i, one in enumerate(rates) if i != arm]
    deviation = sqrt(own.variance)
    step = 2 * WIDTH / STEPS
    points = (-WIDTH + i * step for i in range(STEPS + 1))
    return step * sum(exp(-z * z / 2) / sqrt(2 * pi) * prod(other.cdf(own.estimate + z * deviation) for other in others) for z in points)
