"""Metrics of numbers: outputs [examples] or [examples, 1], truth [examples]."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.data.dataset import Dataset
from export.evaluation.metrics.metric import Metric, Sums, mean_of

SAME_SHARE = 0.05
"""Two answers within this share of the reference's standard deviation are the same."""


def same_number(reference: NDArray[Any], packaged: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether an example's two outputs are the same number within `SAME_SHARE`: bool [examples]."""
    first, second = _column(reference), _column(packaged)
    same: NDArray[np.bool_] = np.abs(first - second) <= SAME_SHARE * first.std()
    return same


def constant_numbers(metric: str, dataset: Dataset, truth: NDArray[Any]) -> str | None:
    """Why a correlation with the right numbers is not defined: they are all the same."""
    if metric not in ("pearson", "spearman") or len(set(truth.tolist())) > 1:
        return None
    field = dataset.field_of("label")
    return f"{field}: {metric} needs different numbers, and all {len(truth)} in {dataset.table.path} are {truth[0]:g}"


def _squared_error(outputs: NDArray[Any], truth: NDArray[Any]) -> Sums:
    errors: Sums = (_column(outputs) - truth) ** 2
    return errors


def _moments(outputs: NDArray[Any], truth: NDArray[Any]) -> Sums:
    """[examples, 6]: 1, x, y, x², y², xy.

    x and y are centred: that does not change the correlation, and its sums lose no digits.
    """
    x, y = _column(outputs), np.asarray(truth, dtype=np.float64)
    x, y = x - x.mean(), y - y.mean()
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)


def _correlation(sums: Sums) -> Sums:
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    # what is left of a constant's spread is rounding
    spread_x, spread_y = n * xx - x * x, n * yy - y * y
    varies = (spread_x > 1e-12 * n * xx) & (spread_y > 1e-12 * n * yy)
    product = np.where(varies, spread_x * spread_y, 1.0)
    correlation: Sums = np.where(varies, (n * xy - x * y) / np.sqrt(product), np.nan)
    return correlation


def _column(outputs: NDArray[Any]) -> Sums:
    return np.asarray(outputs, dtype=np.float64).reshape(len(outputs))


_MEAN_SQUARED_ERROR = mean_of("mse", _squared_error, higher_is_better=False)

RMSE = Metric("rmse", _MEAN_SQUARED_ERROR.statistics, lambda sums: np.sqrt(_MEAN_SQUARED_ERROR.reduce(sums)), higher_is_better=False)
PEARSON = Metric("pearson", _moments, _correlation)

REGRESSION_METRICS: Mapping[str, Metric] = {metric.name: metric for metric in (RMSE, PEARSON)}
