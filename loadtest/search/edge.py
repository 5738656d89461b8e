"""The rate at which runs begin to fail, from trials that passed and trials that failed. Pure.

A run passes by chance: its percentile is a sample's. So each trial is one throw of a coin whose bias falls with the rate r, a logistic
psychometric function with lapses (Wichmann and Hill, 2001; placed and read as in Kontsevich and Tyler, 1999):

    P(pass at r) = λ/2 + (1 − λ) / (1 + (r / edge)^(1/s))

The edge is where half of the trials pass. λ = 2 % of the runs go one way or the other whatever the rate (a noisy neighbour), so that one
stray failure far below the edge does not move it. Prior: the edge anywhere on a log scale from half the lowest to twice the highest rate
tried, the width s anywhere on a log scale from 0.3 % to 10 %. The posterior is computed on a grid; intervals are its central 95 %. Unlike
a maximum-likelihood fit, that has a width also where every trial below the edge passed and every one above it failed.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from loadtest.search.trial import Trial

CONFIDENCE = 0.95
LAPSES = 0.02
SAFE_PASSES = 0.9
EDGES, WIDTHS = 120, 8
LEAST_WIDTH, GREATEST_WIDTH = 0.003, 0.1
NEGLIGIBLE = 1e-6


@dataclass(frozen=True, slots=True)
class Estimate:
    """A rate in requests/s: the posterior's median and its central 95 %."""

    rps: float
    low_rps: float
    high_rps: float

    @property
    def half_width(self) -> float:
        """Half of the interval as a share of the rate, on a log scale: 0.05 is about ± 5 %."""
        return math.sqrt(self.high_rps / self.low_rps) - 1


@dataclass(frozen=True, slots=True)
class Edge:
    """`half`: where half of the trials pass; `safe`: where nine of ten do."""

    half: Estimate
    safe: Estimate


def locate(trials: Iterable[Trial]) -> Edge:
    """The edge as these trials, of which there is at least one, show it; those in which the generator was behind do not count."""
    passed, tried = Counter[float](), Counter[float]()
    for trial in trials:
        if trial.kept_up:
            tried[trial.rate_rps] += 1
            passed[trial.rate_rps] += trial.passed
    seen = [(math.log(rate), passed[rate], count - passed[rate]) for rate, count in tried.items()]
    low, high = min(seen)[0] - math.log(2), max(seen)[0] + math.log(2)
    coarse = _posterior(seen, low, high)
    least = max(weight for _, _, weight in coarse) * NEGLIGIBLE
    likely = [edge for edge, _, weight in coarse if weight > least]
    step = (high - low) / EDGES
    posterior = _posterior(seen, max(min(likely) - step, low), min(max(likely) + step, high))
    to_safe = math.log((SAFE_PASSES - LAPSES / 2) / (1 - LAPSES / 2 - SAFE_PASSES))
    return Edge(
        half=_estimate([(edge, weight) for edge, _, weight in posterior]),
        safe=_estimate([(edge - width * to_safe, weight) for edge, width, weight in posterior]),
    )


def pass_probability(rate_rps: float, edge_rps: float, width: float) -> float:
    """The model's P(pass), for an edge and a width s."""
    return math.exp(_log_shares((math.log(rate_rps) - math.log(edge_rps)) / width)[0])


def _posterior(seen: Sequence[tuple[float, int, int]], low: float, high: float) -> list[tuple[float, float, float]]:
    """(log edge, width, weight) on a grid; the greatest weight is 1."""
    edges = [low + (high - low) * (index + 0.5) / EDGES for index in range(EDGES)]
    widths = [LEAST_WIDTH * (GREATEST_WIDTH / LEAST_WIDTH) ** (index / (WIDTHS - 1)) for index in range(WIDTHS)]
    points = []
    for edge in edges:
        for width in widths:
            likelihood = 0.0
            for rate, passes, fails in seen:
                log_pass, log_fail = _log_shares((rate - edge) / width)
                likelihood += passes * log_pass + fails * log_fail
            points.append((edge, width, likelihood))
    most = max(likelihood for _, _, likelihood in points)
    return [(edge, width, math.exp(likelihood - most)) for edge, width, likelihood in points]


def _log_shares(distance: float) -> tuple[float, float]:
    """The logarithms of P(pass) and P(fail) at a distance from the edge, in widths."""
    share = 1 / (1 + math.exp(min(max(distance, -700.0), 700.0)))
    passes = LAPSES / 2 + (1 - LAPSES) * share
    return math.log(passes), math.log1p(-passes)


def _estimate(weighted: Sequence[tuple[float, float]]) -> Estimate:
    ordered = sorted(weighted)
    sums = list(accumulate(weight for _, weight in ordered))

    def at(share: float) -> float:
        return math.exp(ordered[min(bisect_left(sums, share * sums[-1]), len(ordered) - 1)][0])

    return Estimate(at(0.5), at((1 - CONFIDENCE) / 2), at((1 + CONFIDENCE) / 2))
