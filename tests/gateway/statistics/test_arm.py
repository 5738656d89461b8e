import pytest

from gateway.statistics.arm import standardized, usable
from gateway.statistics.effect import difference
from gateway.statistics.estimator import Estimator
from gateway.statistics.moments import Moments


def test_epochs_with_other_weights_are_compared_on_one_mix():
    """Treatment has most of its units in the bad epoch, and is no different in either."""
    good = (Moments.of_events(9000, 4500), Moments.of_events(1000, 500))
    bad = (Moments.of_events(5000, 500), Moments.of_events(5000, 500))
    together = difference(*standardized([(good[0] + bad[0], good[1] + bad[1])]), Estimator())
    by_epoch = difference(*standardized([good, bad]), Estimator())
    assert together.estimate < -0.15
    assert by_epoch.estimate == pytest.approx(0, abs=1e-12)


def test_the_variance_of_strata_is_the_weighted_sum_of_theirs():
    first = (Moments.of_events(100, 30), Moments.of_events(100, 40))
    second = (Moments.of_events(200, 50), Moments.of_events(600, 60))
    error = difference(*standardized([first, second]), Estimator()).standard_error
    of_first = 0.3 * 0.7 / 100 + 0.4 * 0.6 / 100
    of_second = 0.25 * 0.75 / 200 + 0.1 * 0.9 / 600
    assert error**2 == pytest.approx(0.2**2 * of_first + 0.8**2 * of_second)


def test_an_epoch_in_which_an_arm_has_no_units_is_left_out():
    whole = (Moments.of_events(100, 30), Moments.of_events(100, 40))
    half = (Moments.of_events(100, 30), Moments.of_events(1, 1))
    assert usable([whole, half]) == [whole]


def test_without_epochs_there_are_no_arms():
    with pytest.raises(ValueError, match="no epoch"):
        standardized([])
