"""The rate at which runs begin to fail, from trials that passed and trials that failed. Pure.

A run passes by chance: its percentile is a sample's. So each trial is one throw of a coin whose
bias falls with the rate r, a logistic psychometric function with lapses (Wichmann and Hill, 2001;
placed and read as in Kontsevich and Tyler, 1999):

    P(pass at r) = λ/2 + (1 − λ) / (1 + (r / edge)^(1/s))

The edge is where half of the trials pass. λ = 2 % of the runs go one way or the other whatever the
rate (a noisy neighbour), so that one stray failure far below the edge does not move it. The prior:
the edge lies anywhere on a log scale from half the lowest to twice the highest rate tried, the
width s anywhere on a log scale from 0.3 % to 10 %. The posterior is computed on a grid; intervals
are its central 95 %. Unlike a maximum-likelihood fit, they have a width also where every trial
below the edge passed and every one above it failed.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadtest.planning.search.trial import Trial

Floats = NDArray[np.float64]
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
    """The edge as these trials show it, of which there must be at least one.

    Trials that say nothing of the system do not count.
    """
    passed, tried = Counter[float](), Counter[float]()
    for trial in trials:
        if trial.counts:
            tried[trial.rate_rps] += 1
            passed[trial.rate_rps] += trial.passed
    rates = sorted(tried)
    seen = _Seen(np.log(rates), np.array([passed[rate] for rate in rates]), np.array([tried[rate] - passed[rate] for rate in rates]))
    low, high = math.log(rates[0] / 2), math.log(rates[-1] * 2)
    step = (high - low) / EDGES
    edges, _, weights = _posterior(seen, low, high)
    likely = edges[weights > weights.max() * NEGLIGIBLE]
    edges, widths, weights = _posterior(seen, max(likely.min() - step, low), min(likely.max() + step, high))
    to_safe = math.log((SAFE_PASSES - LAPSES / 2) / (1 - LAPSES / 2 - SAFE_PASSES))
    return Edge(half=_estimate(edges, weights), safe=_estimate(edges - widths * to_safe, weights))


def pass_probability(rate_rps: float, edge_rps: float, width: float) -> float:
    """The model's P(pass), for an edge and a width s."""
    return float(_pass_share(np.array((math.log(rate_rps) - math.log(edge_rps)) / width)))


@dataclass(frozen=True, slots=True)
class _Seen:
    """Logarithms of the rates, and how many trials passed and failed at each."""

    log_rates: Floats
    passes: NDArray[np.int64]
    fails: NDArray[np.int64]


def _posterior(seen: _Seen, low: float, high: float) -> tuple[Floats, Floats, Floats]:
    """Log edges, widths and weights of a grid, flat; the greatest weight is 1."""
    middles = low + (high - low) * (np.arange(EDGES) + 0.5) / EDGES
    edges, widths = (axis.ravel() for axis in np.meshgrid(middles, np.geomspace(LEAST_WIDTH, GREATEST_WIDTH, WIDTHS), indexing="ij"))
    share = _pass_share((seen.log_rates - edges[:, None]) / widths[:, None])
    likelihood = np.log(share) @ seen.passes + np.log1p(-share) @ seen.fails
    return edges, widths, np.exp(likelihood - likelihood.max())


def _pass_share(distance: Floats) -> Floats:
    """P(pass) at a distance from the edge, in widths."""
    return LAPSES / 2 + (1 - LAPSES) / (1 + np.exp(np.clip(distance, -700.0, 700.0)))


def _estimate(values: Floats, weights: Floats) -> Estimate:
    order = np.argsort(values, kind="stable")
    ordered, sums = values[order], np.cumsum(weights[order])

    def at(share: float) -> float:
        return math.exp(ordered[min(int(np.searchsorted(sums, share * sums[-1])), len(ordered) - 1)])

    return Estimate(at(0.5), at((1 - CONFIDENCE) / 2), at((1 + CONFIDENCE) / 2))
