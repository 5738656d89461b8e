"""Bootstrap intervals of statistics that are functions of sums over examples."""

from collections.abc import Callable, Iterator
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from export.evaluation.metrics.metric import Sums

RESAMPLES = 10_000
CONFIDENCE = 0.95
SEED = 20
BLOCK_NUMBERS = 1 << 19
"""Numbers drawn at once.

They are enough for matrix products to be fast, and few enough to stay in the processor's cache.
"""
MULTINOMIAL_COST = 16
"""How many examples are drawn in the time that one count of a multinomial takes."""
NORMAL = NormalDist()

Counts = NDArray[np.int64]


def bca_interval(
    rows: Sums, statistic: Callable[[Sums], Sums], *, resamples: int = RESAMPLES, confidence: float = CONFIDENCE, seed: int = SEED
) -> tuple[float, float]:
    """The two-sided interval of `statistic` of the sums of `rows` [examples, k].

    Examples are resampled; `statistic` takes sums [..., k] to [...]. The interval is bias-corrected
    and accelerated: Efron, "Better Bootstrap Confidence Intervals", JASA 82 (1987); the
    acceleration comes from leaving out one example at a time (Efron and Tibshirani, "An
    Introduction to the Bootstrap", 1993, 14.3). Resamples in which the statistic is not defined are
    left out; the interval is NaN where it never is.
    """
    # examples with the same row are interchangeable: labels make few different ones of thousands
    distinct, counts = np.unique(rows, axis=0, return_counts=True)
    total = counts @ distinct
    drawn = np.concatenate([statistic(weights @ distinct) for weights in _resample(counts, resamples, np.random.default_rng(seed))])
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return float("nan"), float("nan")
    estimate = float(statistic(total))
    bias = NORMAL.inv_cdf(_inside(float((drawn < estimate).mean() + (drawn <= estimate).mean()) / 2, len(drawn)))
    acceleration = _acceleration(statistic(total - distinct), counts)
    levels = [_inside(_level(bias, acceleration, tail), len(drawn)) for tail in ((1 - confidence) / 2, (1 + confidence) / 2)]
    low, high = np.quantile(drawn, levels)
    return float(low), float(high)


def _level(bias: float, acceleration: float, tail: float) -> float:
    """Which quantile of the resamples stands at `tail` (formula 14.10)."""
    shifted = bias + NORMAL.inv_cdf(tail)
    return NORMAL.cdf(bias + shifted / (1 - acceleration * shifted))


def _acceleration(left_out: Sums, counts: Counts) -> float:
    """Skewness of the statistic's dependence on single examples (formula 14.15).

    It is 0 where no example matters.
    """
    defined = np.isfinite(left_out)
    if not defined.any():
        return 0.0
    values, weights = left_out[defined], counts[defined]
    deviations = np.average(values, weights=weights) - values
    squares = float(weights @ deviations**2)
    return float(weights @ deviations**3) / (6 * squares**1.5) if squares > 0 else 0.0


def _inside(share: float, resamples: int) -> float:
    """A share that is neither 0 nor 1, as `resamples` cannot show more."""
    return min(max(share, 1 / (resamples + 1)), resamples / (resamples + 1))


def _resample(counts: Counts, resamples: int, rng: np.random.Generator) -> Iterator[Sums]:
    """How often each distinct row is drawn, float64 [block, rows].

    The blocks add up to `resamples`.
    """
    examples, rows = int(counts.sum()), len(counts)
    few = rows * MULTINOMIAL_COST <= examples
    block = max(1, BLOCK_NUMBERS // (rows if few else examples))
    # the row of the n-th example
    row_of = np.repeat(np.arange(rows), counts)
    for begin in range(0, resamples, block):
        size = min(block, resamples - begin)
        if few:
            yield rng.multinomial(examples, counts / examples, size=size).astype(np.float64)
        else:
            drawn = row_of[rng.integers(0, examples, size=(size, examples), dtype=np.int32)]
            drawn += rows * np.arange(size)[:, None]
            yield np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows).astype(np.float64)
