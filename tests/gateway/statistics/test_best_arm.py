"""Probabilities of being the best arm, against closed forms and numpy's draws."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from gateway.statistics.best_arm import Rate, probabilities_of_best, rate_over
from gateway.statistics.moments import Moments

rates = st.builds(Rate, st.floats(0.0, 1.0), st.floats(1e-6, 1e-2))


@given(st.tuples(rates, rates))
def test_of_two_it_is_a_normal_distribution_function(pair):
    one, two = pair
    wanted = norm.cdf((one.estimate - two.estimate) / sqrt(one.variance + two.variance))
    assert probabilities_of_best(pair) == pytest.approx([wanted, 1 - wanted], abs=1e-3)


@pytest.mark.parametrize(
    "arms", [[(0.10, 1e-4), (0.11, 2e-4), (0.12, 9e-4)], [(0.5, 1e-3)] * 5, [(0.1, 1e-6), (0.2, 1e-6), (0.15, 1e-2), (0.19, 1e-4)]]
)
def test_of_several_it_is_what_draws_say(arms):
    means, variances = np.array(arms).T
    draws = np.random.default_rng(1).normal(means, np.sqrt(variances), (1_000_000, len(arms)))
    wanted = np.bincount(draws.argmax(axis=1), minlength=len(arms)) / len(draws)
    assert probabilities_of_best([Rate(*arm) for arm in arms]) == pytest.approx(wanted, abs=0.002)


@given(st.lists(rates, min_size=2, max_size=20))
def test_they_add_up_to_one(arms):
    assert sum(probabilities_of_best(arms)) == pytest.approx(1)


def test_a_trend_over_time_moves_all_arms_alike():
    """Both arms are equal in each period, and the second got nine tenths of the better one."""
    one = [(1_000, Moments.of_events(500, 50)), (10_000, Moments.of_events(1_000, 300))]
    two = [(1_000, Moments.of_events(500, 50)), (10_000, Moments.of_events(9_000, 2_700))]
    pooled = [sum(arm.sums[0] for _, arm in periods) / sum(arm.units for _, arm in periods) for periods in (one, two)]
    assert pooled[1] - pooled[0] > 0.05
    assert rate_over(one).estimate == pytest.approx(rate_over(two).estimate, abs=0.001)


def test_few_units_leave_much_open():
    assert rate_over([(1, Moments.of_events(1, 1))]).variance > 0.05
    assert rate_over([(1, Moments.of_events(0, 0))]).estimate == 0.5
