"""What a metric is: one row of numbers for each example, and a function of their sums."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Sums = NDArray[np.float64]
Value = TypeVar("Value", float, Sums)
PerExample = Callable[[Any, Any], NDArray[Any]]
"""Outputs and truth of a task, an entry for each example, to one value or row for each example."""


@dataclass(frozen=True)
class Metric:
    """A metric by sufficient statistics.

    `statistics` takes outputs and truth to float64 [examples, k]; `reduce` takes sums of its rows,
    float64 [..., k], to the metric, float64 [...], NaN where it is not defined. Any weighting of
    the examples is thus a product of matrices.
    """

    name: str
    statistics: Callable[[Any, Any], Sums]
    reduce: Callable[[Sums], Sums]
    higher_is_better: bool = True
    dealer: Callable[[Any, Any], Callable[[np.random.Generator], float]] | None = None
    """Prepares what the metric is where answers are dealt to the examples at random, for a metric
    that would take long to be computed for each deal."""

    def __call__(self, outputs: Any, truth: Any) -> float:
        """The metric over all examples."""
        return float(self.reduce(self.statistics(outputs, truth).sum(axis=0)))

    def drop(self, reference: Value, packaged: Value) -> Value:
        """What is lost from `reference` to `packaged`, both values of the metric.

        Positive is worse, whichever direction of the metric is better.
        """
        return reference - packaged if self.higher_is_better else packaged - reference


def mean_of(name: str, per_example: PerExample, *, higher_is_better: bool = True) -> Metric:
    """The mean of a value that each example has by itself.

    `per_example` gives [examples], numbers or booleans.
    """

    def statistics(outputs: Any, truth: Any) -> Sums:
        values = np.asarray(per_example(outputs, truth), dtype=np.float64)
        return np.stack([values, np.ones_like(values)], axis=1)

    return Metric(name, statistics, _mean, higher_is_better)


def f1_of(name: str, counts: PerExample) -> Metric:
    """Micro-averaged F1.

    `counts` gives [examples, 3]: how many were found rightly, found at all, and there to be found.
    F1 is 2 · right / (found + there), the harmonic mean of precision and recall; it is NaN where
    nothing was found and nothing was there.
    """
    return Metric(name, lambda outputs, truth: np.asarray(counts(outputs, truth), dtype=np.float64), f1)


def f1(sums: Sums) -> Sums:
    """F1 [...] of counts [..., 3]: right, found, there."""
    right, both = 2 * sums[..., 0], sums[..., 1] + sums[..., 2]
    return np.divide(right, both, out=np.full(np.shape(both), np.nan), where=both > 0)


def _mean(sums: Sums) -> Sums:
    total, examples = sums[..., 0], sums[..., 1]
    return np.divide(total, examples, out=np.full(np.shape(examples), np.nan), where=examples > 0)
