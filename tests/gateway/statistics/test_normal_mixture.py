"""Against GrowthBook's gbstats and confseq, and against the definition of a confidence sequence."""

import math

import growthbook_numbers as given
import pytest
from scipy import stats

from gateway.statistics import normal_mixture
from gateway.statistics.arm import standardized
from gateway.statistics.effect import difference, relative_lift
from gateway.statistics.estimator import Estimator, fitted

DIGITS = 6e-6
ALPHA = 0.05


def two_sided(effect, planned):
    rho2 = normal_mixture.tuning(planned, ALPHA)
    reach = effect.standard_error * normal_mixture.critical_value(effect.units, rho2, ALPHA)
    p_value = normal_mixture.p_value(effect.estimate / effect.standard_error, effect.units, rho2)
    return effect.estimate - reach, effect.estimate + reach, p_value


def bounds(effect, planned):
    """The lower and the upper bound of one side each."""
    rho2 = normal_mixture.tuning(planned, ALPHA, one_sided=True)
    reach = effect.standard_error * normal_mixture.one_sided_critical_value(effect.units, rho2, ALPHA)
    return effect.estimate - reach, effect.estimate + reach


@pytest.mark.parametrize(
    ("a", "b", "planned", "low", "high", "p_value"),
    [
        (given.MEAN_A, given.MEAN_B, 1000, -0.55844, 1.56516, 1),
        (given.SHARE_A, given.SHARE_B, 5000, 0.40098, 0.60675, 0),
    ],
)
def test_means_and_shares_are_gbstats(a, b, planned, low, high, p_value):
    effect = relative_lift(*standardized([(a, b)]), Estimator())
    assert two_sided(effect, planned) == pytest.approx((low, high, p_value), abs=DIGITS)


def test_a_covariate_is_gbstats_but_for_the_chance_difference_of_the_covariate():
    """Its variance of the lift leaves out that the covariate's means differ by chance."""
    pair = (given.WITH_COVARIATE_A, given.WITH_COVARIATE_B)
    effect = relative_lift(*standardized([pair]), fitted(pair))
    assert two_sided(effect, 5000) == pytest.approx((-0.50969, 1.51646, 1), abs=2e-5)


def test_a_ratio_with_covariates_is_gbstats():
    pair = (given.RATIO_A, given.RATIO_B)
    effect = relative_lift(*standardized([pair]), fitted(pair, ratio=True))
    assert two_sided(effect, 5000) == pytest.approx((-0.02063, 0.01923, 1), abs=DIGITS)


def test_one_sided_bounds_are_gbstats():
    arms = standardized([(given.MEAN_A, given.MEAN_B)])
    assert bounds(relative_lift(*arms, Estimator()), 5000) == pytest.approx((-0.42356454602790883, 1.4302867177403806))
    assert bounds(difference(*arms, Estimator()), 5000) == pytest.approx((-0.12656844172804982, 0.5953217750613832))


def test_the_one_sided_p_value_is_where_the_bound_is_zero():
    """gbstats searches for it and stops half a step further, 0.0001 away."""
    effect = difference(*standardized([(given.MEAN_A, given.MEAN_B)]), Estimator())
    rho2, z = normal_mixture.tuning(5000, ALPHA, one_sided=True), effect.estimate / effect.standard_error
    p_value = normal_mixture.one_sided_p_value(z, effect.units, rho2)
    assert normal_mixture.one_sided_critical_value(effect.units, rho2, p_value) == pytest.approx(z)
    assert p_value == pytest.approx(0.46316491943359384, abs=2**-12 * 0.5)


def test_the_tuning_is_confseqs():
    """best_rho(100, .05) is 12.60056 and the bound at v = 100 is 30.35209."""
    assert 100 * normal_mixture.tuning(100, 0.05) == pytest.approx(100 / 12.60056, abs=1e-6)
    assert 10 * normal_mixture.critical_value(100, normal_mixture.tuning(100, 0.05), 0.05) == pytest.approx(30.35209, abs=1e-5)


def test_the_one_sided_bound_is_above_confseqs_exact_one():
    """Equation 134 bounds the exact mixture's from above: 27.66071 at v = 100."""
    bound = 10 * normal_mixture.one_sided_critical_value(100, normal_mixture.tuning(100, 0.05, one_sided=True), 0.05)
    assert 27.66071 < bound < 1.01 * 27.66071


@pytest.mark.parametrize(("units", "z"), [(100, 6.69), (500, 3.86), (1000, 3.36), (5000, 3.035), (50_000, 3.24), (1_000_000, 3.66)])
def test_critical_values_of_the_default_of_growthbook(units, z):
    assert normal_mixture.critical_value(units, normal_mixture.tuning(5000, 0.05), 0.05) == pytest.approx(z, abs=0.005)


@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.001])
def test_the_sequence_is_narrowest_at_the_planned_sample(alpha):
    def width(planned):
        return normal_mixture.critical_value(3000, normal_mixture.tuning(planned, alpha), alpha)

    assert width(3000) <= min(width(1000), width(2800), width(3200), width(9000)) * 1.0002


@pytest.mark.parametrize("z", [0.0, 1.5, 3.2, 30.0])
def test_the_p_value_is_the_reciprocal_of_the_mixture(z):
    """The likelihood ratio of a drift, averaged over drifts that are normal with variance ρ²."""
    units, rho2 = 700, normal_mixture.tuning(2000, ALPHA)
    spread = 1 + units * rho2
    mixture = stats.norm.pdf(z, scale=math.sqrt(spread)) / stats.norm.pdf(z)
    assert normal_mixture.p_value(z, units, rho2) == pytest.approx(min(1, 1 / mixture))


@pytest.mark.parametrize("units", [10, 1000, 100_000])
def test_p_values_and_intervals_agree(units):
    rho2 = normal_mixture.tuning(1000, ALPHA)
    edge = normal_mixture.critical_value(units, rho2, ALPHA)
    assert normal_mixture.p_value(edge, units, rho2) == pytest.approx(ALPHA)


def test_overwhelming_evidence_is_no_overflow():
    rho2 = normal_mixture.tuning(1000, ALPHA)
    assert normal_mixture.p_value(1e4, 1000, rho2) == 0
    assert normal_mixture.one_sided_p_value(1e4, 1000, rho2) == 0
    assert normal_mixture.one_sided_p_value(-1e4, 1000, rho2) == 1


@pytest.mark.parametrize(("planned", "alpha", "one_sided"), [(0, 0.05, False), (100, 1.0, False), (100, 0.0, False), (100, 0.5, True)])
def test_impossible_plans_are_refused(planned, alpha, one_sided):
    with pytest.raises(ValueError, match=r"planned_units|alpha"):
        normal_mixture.tuning(planned, alpha, one_sided=one_sided)
