import math

import pytest
from scipy import stats

from gateway.statistics import planning


def test_a_fixed_horizon_is_the_textbooks():
    """16 σ²/δ² an arm, for 80 % power at 5 %: 2 · (1.96 + 0.84)² = 15.7."""
    assert planning.fixed_horizon_units(0.01, 0.25) == pytest.approx(2 * 15.7 * 0.25 / 0.01**2, rel=0.001)


@pytest.mark.parametrize("share", [0.5, 0.1])
@pytest.mark.parametrize("power", [0.5, 0.8, 0.95])
def test_the_power_at_the_planned_sample_is_as_planned(power, share):
    effect, variance = 0.02, 0.24
    units = planning.planned_units(effect, variance, power=power, share=share)
    error = math.sqrt(variance / (units * share) + variance / (units * (1 - share)))
    assert stats.norm.sf(3.0352 - effect / error) == pytest.approx(power, abs=0.001)


def test_days():
    assert planning.days(10_000, 2000, coverage=0.5) == 10
    assert planning.days(10_000, 0) == math.inf


@pytest.mark.parametrize("wrong", [{"effect": 0}, {"variance": 0}, {"power": 1}, {"share": 0}, {"alpha": 0}])
def test_impossible_plans_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must|above"):
        planning.planned_units(**{"effect": 0.1, "variance": 1.0, **wrong})
