"""Effects and their errors: against GrowthBook's gbstats, which gives them with a fixed horizon."""

import growthbook_numbers as given
import numpy as np
import pytest
from scipy import stats

from gateway.statistics.arm import standardized
from gateway.statistics.effect import difference, relative_lift
from gateway.statistics.estimator import Estimator, fitted
from gateway.statistics.moments import Moments

MEAN = Estimator()
DIGITS = 6e-6


def fixed_horizon(effect, alpha=0.05):
    """Welch's t-test, by SciPy."""
    reach = stats.t.ppf(1 - alpha / 2, effect.degrees) * effect.standard_error
    p_value = 2 * stats.t.sf(abs(effect.estimate) / effect.standard_error, effect.degrees)
    return effect.estimate - reach, effect.estimate + reach, p_value


@pytest.mark.parametrize(
    ("of", "a", "b", "estimate", "low", "high", "p_value"),
    [
        (relative_lift, given.MEAN_A_LARGER, given.MEAN_B, 0.70732, -0.03526, 1.44989, 0.06191),
        (difference, given.MEAN_A_LARGER, given.MEAN_B, 0.29, 0.04538, 0.53462, 0.02016),
        (relative_lift, given.FEW_A, given.FEW_B, 0.06667, -0.47767, 0.61101, 0.80707),
    ],
)
def test_means_and_shares_are_gbstats(of, a, b, estimate, low, high, p_value):
    effect = of(*standardized([(a, b)]), MEAN)
    assert effect.estimate == pytest.approx(estimate, abs=DIGITS)
    assert fixed_horizon(effect) == pytest.approx((low, high, p_value), abs=DIGITS)


def test_a_ratio_with_covariates_is_gbstats():
    estimator = fitted([given.RATIO_A, given.RATIO_B], ratio=True)
    effect = relative_lift(*standardized([(given.RATIO_A, given.RATIO_B)]), estimator)
    assert effect.estimate == pytest.approx(-0.0007, abs=DIGITS)
    assert effect.standard_error == pytest.approx(0.00391, abs=DIGITS)
    assert fixed_horizon(effect) == pytest.approx((-0.00841, 0.00700, 0.85771), abs=DIGITS)


def test_theta_is_gbstats():
    before, now = np.array([0.3, 0.5, 0.9, 22]), np.array([2, 1, 5, 3])
    arm = Moments.of_pair(4, now.sum(), (now**2).sum(), before.sum(), (before**2).sum(), (now * before).sum())
    assert fitted([arm, arm]).theta == pytest.approx(0.01864, abs=DIGITS)


def test_theta_is_the_slope_of_a_regression_within_arms():
    rng = np.random.default_rng(5)
    before = rng.normal(size=400)
    arm = np.repeat([0, 1], [100, 300])
    now = 2 * before + 3 * arm + rng.normal(size=400)
    design = np.column_stack([arm == 0, arm == 1, before])
    slope = np.linalg.lstsq(design, now, rcond=None)[0][2]
    sums = [pair(now[arm == which], before[arm == which]) for which in (0, 1)]
    assert fitted(sums).theta == pytest.approx(slope, rel=0.01)  # of units, not of degrees of freedom


def test_a_covariate_takes_its_variance_out_and_leaves_the_effect():
    rng = np.random.default_rng(6)
    before = rng.normal(10, 2, size=(2, 5000))
    now = before + rng.normal(size=(2, 5000)) + [[0], [0.5]]
    sums = [pair(now[arm], before[arm]) for arm in (0, 1)]
    arms = standardized([tuple(sums)])
    plain, adjusted = difference(*arms, Estimator(theta=0.0)), difference(*arms, fitted(sums))
    assert adjusted.standard_error / plain.standard_error == pytest.approx(1 / 5**0.5, rel=0.05)
    assert adjusted.estimate == pytest.approx(0.5, abs=4 * adjusted.standard_error)


def test_a_covariate_that_does_not_vary_changes_nothing():
    arm = pair(np.array([1.0, 2.0, 4.0]), np.ones(3))
    assert fitted([arm, arm]).theta == 0


def test_a_ratio_has_the_error_of_the_jackknife():
    rng = np.random.default_rng(7)
    denominators = rng.poisson(5, size=2000) + 1.0
    numerators = denominators * rng.beta(2, 5, size=2000)
    moments = pair(numerators, denominators)
    ratio = Estimator(ratio=True)
    effect = difference(*standardized([(moments, moments)]), ratio)
    without = (numerators.sum() - numerators) / (denominators.sum() - denominators)
    jackknife = 1999**2 / 2000 * without.var(ddof=1)
    assert effect.standard_error**2 == pytest.approx(2 * jackknife, rel=0.01)


def test_a_lift_has_the_sign_of_the_difference_below_zero_too():
    better, worse = Moments.of_mean(10, -10.0, 20.0), Moments.of_mean(10, -20.0, 50.0)
    assert relative_lift(*standardized([(worse, better)]), MEAN).estimate == pytest.approx(0.5)


def test_a_lift_on_nothing_is_refused():
    nothing = Moments.of_mean(10, 0.0, 1.0)
    with pytest.raises(ZeroDivisionError):
        relative_lift(*standardized([(nothing, nothing)]), MEAN)


def pair(x, y):
    return Moments.of_pair(len(x), x.sum(), (x * x).sum(), y.sum(), (y * y).sum(), (x * y).sum())
