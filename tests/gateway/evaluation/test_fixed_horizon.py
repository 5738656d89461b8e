"""Against tea-tasting's own tests, whose data set it makes, and GrowthBook's gbstats."""

import growthbook_numbers as given
import numpy as np
import pytest
from tea_tasting.datasets import make_users_data

from gateway.evaluation.fixed_horizon import fixed_horizon
from gateway.statistics.moments import Moments


def arms(*columns, **options):
    """The sums of columns of tea-tasting's users, control first."""
    table = make_users_data(covariates=True, **options)
    variant = table["variant"].to_numpy()
    values = np.column_stack([table[column].to_numpy() for column in columns]).astype(float)
    for which in (0, 1):
        rows = values[variant == which]
        yield Moments(len(rows), tuple(rows.sum(axis=0)), tuple(map(tuple, rows.T @ rows)))


def test_a_mean_is_tea_tastings():
    found = fixed_horizon(*arms("orders", n_users=100, rng=42))
    assert found.control == pytest.approx(0.5660377358490566)
    assert found.treatment == pytest.approx(0.3829787234042553)
    assert found.difference == pytest.approx(-0.18305901244480127)
    assert (found.interval.low, found.interval.high) == pytest.approx((-0.5004359360326984, 0.13431791114309583))
    assert (found.relative_interval.low, found.relative_interval.high) == pytest.approx((-0.6593351111187646, 0.34378920945924096))
    assert found.p_value == pytest.approx(0.2551230546709908)


def test_a_ratio_is_the_readmes():
    found = fixed_horizon(*arms("orders", "sessions", rng=42), ratio=True)
    assert (found.control, found.treatment, found.relative) == pytest.approx((0.266, 0.289, 0.088), abs=5e-4)
    assert found.p_value == pytest.approx(0.0762, abs=5e-5)


def test_a_ratio_with_covariates_is_the_readmes():
    columns = ("orders", "sessions", "orders_covariate", "sessions_covariate")
    found = fixed_horizon(*arms(*columns, rng=42), ratio=True, covariate=True)
    assert (found.relative, found.relative_interval.low, found.relative_interval.high) == pytest.approx((0.12, 0.042, 0.21), abs=5e-3)
    assert found.p_value == pytest.approx(0.00229, abs=5e-6)


def test_a_difference_is_gbstats():
    found = fixed_horizon(given.MEAN_A_LARGER, given.MEAN_B)
    assert (found.interval.low, found.interval.high, found.p_value) == pytest.approx((0.04538, 0.53462, 0.02016), abs=6e-6)


def test_a_covariate_of_a_mean_narrows_the_interval():
    plain = fixed_horizon(*arms("revenue", rng=42))
    adjusted = fixed_horizon(*arms("revenue", "revenue_covariate", rng=42), covariate=True)
    width = [each.interval.high - each.interval.low for each in (plain, adjusted)]
    assert width[1] < 0.9 * width[0]
