"""Metrics of numbers: outputs and truth [examples] or [examples, outputs]."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.data.dataset import Dataset
from export.evaluation.metrics.metric import Metric, Sums, mean_of

SAME_SHARE = 0.05
"""Two answers within this share of the reference's standard deviation are the same."""


def same_number(reference: NDArray[Any], packaged: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether an example's outputs are the same numbers within `SAME_SHARE`: bool [examples]."""
    first, second = _columns(reference), _columns(packaged)
    same: NDArray[np.bool_] = (np.abs(first - second) <= SAME_SHARE * first.std(axis=0)).all(axis=1)
    return same


def constant_numbers(metric: str, dataset: Dataset, truth: NDArray[Any]) -> str | None:
    """Why a correlation is not defined: the right numbers of an output are all the same."""
    columns = _columns(truth)
    same = [column[0] for column in columns.T if np.ptp(column) == 0]
    if metric not in ("pearson", "spearman") or not same:
        return None
    field = dataset.field_of("label")
    return f"{field}: {metric} needs different numbers, and all {len(truth)} in {dataset.table.path} are {same[0]:g}"


def _squared_error(outputs: NDArray[Any], truth: NDArray[Any]) -> Sums:
    errors: Sums = ((_columns(outputs) - _columns(truth)) ** 2).mean(axis=1)
    return errors


def _moments(outputs: NDArray[Any], truth: NDArray[Any]) -> Sums:
    """[examples, 6 · outputs]: 1, x, y, x², y², xy of each output.

    x and y are centred: that does not change the correlation, and its sums lose no digits.
    """
    x, y = _columns(outputs), _columns(truth)
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    moments: Sums = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=2)
    return moments.reshape(len(x), -1)


def _correlation(sums: Sums) -> Sums:
    """The mean over the outputs."""
    n, x, y, xx, yy, xy = np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 6), -1, 0)
    # what is left of a constant's spread is rounding
    spread_x, spread_y = n * xx - x * x, n * yy - y * y
    varies = (spread_x > 1e-12 * n * xx) & (spread_y > 1e-12 * n * yy)
    product = np.where(varies, spread_x * spread_y, 1.0)
    correlation: Sums = np.where(varies, (n * xy - x * y) / np.sqrt(product), np.nan)
    mean: Sums = np.mean(correlation, axis=-1)
    return mean


def _columns(numbers: NDArray[Any]) -> Sums:
    return np.asarray(numbers, dtype=np.float64).reshape(len(numbers), -1)


_MEAN_SQUARED_ERROR = mean_of("mse", _squared_error, higher_is_better=False)

RMSE = Metric("rmse", _MEAN_SQUARED_ERROR.statistics, lambda sums: np.sqrt(_MEAN_SQUARED_ERROR.reduce(sums)), higher_is_better=False)
PEARSON = Metric("pearson", _moments, _correlation)

REGRESSION_METRICS: Mapping[str, Metric] = {metric.name: metric for metric in (RMSE, PEARSON)}
