"""Against the example of avlm's README and the integral that the formula stands for."""

import math

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from gateway.statistics import normal_mixture, student_mixture

UNITS, COEFFICIENTS, ALPHA = 100, 8, 0.05
DEGREES = UNITS - COEFFICIENTS


def best_g():
    """Where the interval is narrowest, as avlm's optimal_g finds it."""
    most = UNITS * ALPHA ** (2 / DEGREES) / (1 - ALPHA ** (2 / DEGREES))
    width = lambda g: student_mixture.critical_value(UNITS, DEGREES, 1 / g, ALPHA)  # noqa: E731
    return optimize.minimize_scalar(width, bounds=(1, most), method="bounded", options={"xatol": 1e-9}).x


@pytest.mark.parametrize(
    ("estimate", "error", "low", "high"),
    [
        (0.91630, 0.15864, 0.4238730, 1.4087195),
        (-0.12768, 0.18087, -0.6890957, 0.4337358),
        (1.30556, 0.15941, 0.8107460, 1.8003705),
        (2.32245, 0.21566, 1.6530529, 2.9918408),
        (2.32245, 0.20302, 1.6922727, 2.9526209),
        (3.31166, 0.20403, 2.6783800, 3.9449474),
    ],
)
def test_intervals_are_avlms(estimate, error, low, high):
    """Errors are printed to five digits; the last two are HC0's."""
    reach = error * student_mixture.critical_value(UNITS, DEGREES, 1 / best_g(), ALPHA)
    assert (estimate - reach, estimate + reach) == pytest.approx((low, high), abs=3e-5)


@pytest.mark.parametrize(("t", "p_value"), [(5.776, 9.77e-06), (8.190, 8.07e-10), (10.769, 3.19e-14), (9.527, 3.98e-12), (6.015, 4.00e-06)])
def test_p_values_are_avlms(t, p_value):
    """t values are printed to three digits, which leaves half a percent of p."""
    assert student_mixture.p_value(t, UNITS, DEGREES, 1 / best_g()) == pytest.approx(p_value, rel=0.006)


@pytest.mark.parametrize("t", [0.3, 2.5, 4.0])
def test_the_p_value_is_the_reciprocal_of_the_mixture_over_effects(t):
    """Noncentral t over central t, averaged over normal effects (Lindon et al., section 3)."""
    units, degrees, rho2 = 40, 38, 0.2

    effects = np.linspace(-20, 20, 801)
    ratio = stats.nct.pdf(t, degrees, effects) / stats.t.pdf(t, degrees)
    mixture = integrate.trapezoid(ratio * stats.norm.pdf(effects, scale=math.sqrt(units * rho2)), effects)
    assert student_mixture.p_value(t, units, degrees, rho2) == pytest.approx(min(1, 1 / mixture), rel=1e-4)


@pytest.mark.parametrize("units", [60, 100, 1000])
def test_p_values_and_intervals_agree(units):
    rho2 = normal_mixture.tuning(500, ALPHA)
    edge = student_mixture.critical_value(units, units - 2, rho2, ALPHA)
    assert student_mixture.p_value(edge, units, units - 2, rho2) == pytest.approx(ALPHA)


def test_it_is_wider_than_the_normal_mixture_and_becomes_it():
    rho2 = normal_mixture.tuning(10_000, ALPHA)
    widths = [
        student_mixture.critical_value(units, units - 2, rho2, ALPHA) / normal_mixture.critical_value(units, rho2, ALPHA)
        for units in (300, 1000, 10_000, 10**7)
    ]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == pytest.approx(1, abs=1e-4)
    assert widths[-1] > 1


def test_two_units_say_nothing():
    assert student_mixture.critical_value(4, 2, normal_mixture.tuning(10_000, ALPHA), ALPHA) == math.inf
