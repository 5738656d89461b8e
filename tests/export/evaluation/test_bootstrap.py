"""The interval of the bootstrap: SciPy's, and as often right as it says."""

import time

import numpy as np
import pytest
from scipy.stats import bootstrap
from timed import timed

from export.evaluation.bootstrap import bca_interval
from export.evaluation.metrics.classification import classification_metrics, highest, one_hot
from export.evaluation.metrics.metric import Metric, Sums, mean_of

ACCURACY = classification_metrics(highest)["accuracy"]
MEAN = mean_of("mean", lambda outputs, truth: outputs - truth)


def mean(sums: Sums) -> Sums:
    return MEAN.reduce(sums)


def drop_of(metric: Metric, width: int):
    return lambda sums: metric.drop(metric.reduce(sums[..., :width]), metric.reduce(sums[..., width:]))


@pytest.mark.parametrize("discrete", [False, True])
def test_the_interval_is_scipys(discrete: bool) -> None:
    rng = np.random.default_rng(5)
    values = (rng.random(200) < 0.1).astype(float) if discrete else rng.exponential(size=200)
    expected = bootstrap((values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(6)).confidence_interval
    low, high = bca_interval(MEAN.statistics(values, 0), mean, resamples=20_000)
    # two draws of 20,000 resamples differ by about a hundredth of the interval
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.04 * (expected.high - expected.low))
    assert low < values.mean() < high
    assert high - values.mean() > values.mean() - low


def test_few_different_rows_are_drawn_as_often_as_many() -> None:
    values = np.repeat([0.0, 1.0], [1700, 300])
    spread = values + np.random.default_rng(7).normal(scale=1e-9, size=2000)
    few, many = (bca_interval(MEAN.statistics(each, 0), mean) for each in (values, spread))
    assert few == pytest.approx(many, abs=1e-3)


def test_the_interval_of_a_drop_holds_the_real_drop_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(400):
        # both right, only the reference, only the packaged version, both wrong: the real drop is
        # 0.06 - 0.03
        outcome = rng.choice(4, size=400, p=[0.8, 0.06, 0.03, 0.11])
        truth = one_hot(np.zeros(400, dtype=np.int64), 2)
        pair = [ACCURACY.statistics(one_hot((~np.isin(outcome, right)).astype(int), 2), truth) for right in ([0, 1], [0, 2])]
        low, high = bca_interval(np.hstack(pair), drop_of(ACCURACY, 2), resamples=1000, seed=int(rng.integers(2**32)))
        held += low <= 0.03 <= high
    # 380 of 400 are expected; the standard deviation of this count is 4.4
    assert 365 <= held <= 395


def test_the_same_seed_gives_the_same_interval() -> None:
    rows = MEAN.statistics(np.random.default_rng(9).normal(size=50), 0)
    assert bca_interval(rows, mean, seed=1) == bca_interval(rows, mean, seed=1) != bca_interval(rows, mean, seed=2)


def test_a_statistic_that_never_varies_has_an_interval_without_width() -> None:
    assert bca_interval(MEAN.statistics(np.full(30, 2.0), 0), mean) == (2.0, 2.0)


def test_a_statistic_that_is_nowhere_defined_has_no_interval() -> None:
    assert np.isnan(bca_interval(np.zeros((10, 2)), mean)).all()


def test_resamples_in_which_the_statistic_is_not_defined_are_left_out() -> None:
    rows = np.array([[1.0, 1.0], *[[0.0, 0.0]] * 9])
    assert bca_interval(rows, mean) == (1.0, 1.0)


@timed
def test_ten_thousand_resamples_of_ten_thousand_different_examples_take_seconds() -> None:
    rows = MEAN.statistics(np.random.default_rng(10).normal(size=10_000), 0)
    begin = time.process_time()
    low, high = bca_interval(rows, mean)
    assert time.process_time() - begin < 5
    # the mean's standard error is 0.01
    assert high - low == pytest.approx(2 * 1.96 * 0.01, rel=0.05)
