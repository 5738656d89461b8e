import math

import growthbook_numbers as given
import pytest

from gateway.statistics.comparison import Method, compare
from gateway.statistics.moments import Moments


def test_many_units_get_the_confidence_sequence_of_gbstats():
    found = compare([(given.SHARE_A, given.SHARE_B)], planned_units=5000)
    assert found.method is Method.CONFIDENCE_SEQUENCE
    assert (found.control, found.treatment, found.units) == (pytest.approx(1396 / 3000), pytest.approx(2422 / 3461), 6461)
    assert (found.relative, found.relative_interval.low, found.relative_interval.high) == pytest.approx(
        (0.50386, 0.40098, 0.60675), abs=6e-6
    )
    assert found.difference == pytest.approx(found.treatment - found.control)


def test_a_ratio_with_covariates_shows_the_arms_without_them():
    pair = tuple(
        Moments(50 * arm.units, tuple(50 * each for each in arm.sums), tuple(tuple(50 * each for each in row) for row in arm.products))
        for arm in (given.RATIO_A, given.RATIO_B)
    )
    found = compare([pair], planned_units=5000, ratio=True, covariate=True)
    assert found.method is Method.CONFIDENCE_SEQUENCE
    assert found.control == pytest.approx(485.112236689623 / 679.9093275844917)
    assert found.relative == pytest.approx(-0.0007, abs=6e-6)


def test_few_units_get_the_wider_t():
    few, many = Moments.of_mean(100, 50.0, 75.0), Moments.of_mean(100, 90.0, 131.0)
    found = compare([(few, many)], planned_units=200)
    assert found.method is Method.ANYTIME_T
    error = math.sqrt((75 - 25) / 99 / 100 + (131 - 81) / 99 / 100)
    assert found.interval.high - found.difference > 3.0352 * error
    assert found.interval.high - found.difference == pytest.approx(3.0352 * error, rel=0.06)


def test_rare_events_get_the_exact_test():
    found = compare([(Moments.of_events(99_000, 990), Moments.of_events(1000, 9))], planned_units=100_000, share=0.01)
    assert found.method is Method.EVENT_TEST
    assert found.interval.low < 0 < found.interval.high
    assert found.relative_interval.low < 0 < found.relative_interval.high
    assert found.relative == pytest.approx(-0.1)


@pytest.mark.parametrize(("control", "treatment", "sign"), [(8, 60, 1), (60, 8, -1), (9940, 9992, 1), (9992, 9940, -1)])
def test_of_rare_events_the_interval_has_the_sign_that_the_exact_test_found(control, treatment, sign):
    found = compare([(Moments.of_events(10_000, control), Moments.of_events(10_000, treatment))], planned_units=20_000)
    assert found.method is Method.EVENT_TEST
    assert found.p_value < 0.05
    for interval in (found.interval, found.relative_interval):
        assert (interval.low >= 0, interval.high <= 0) == (sign > 0, sign < 0)


def test_an_arm_without_any_event_is_compared_all_the_same():
    found = compare([(Moments.of_events(10_000, 0), Moments.of_events(10_000, 60))], planned_units=20_000)
    assert (found.relative, found.relative_interval.high) == (None, math.inf)
    assert found.p_value < 0.05
    assert found.interval.low >= 0


@pytest.mark.parametrize(
    "pair",
    [
        (Moments.of_mean(1, 1.0, 1.0), Moments.of_mean(5000, 4.0, 9.0)),
        (Moments.of_mean(5000, 5000.0, 5000.0), Moments.of_mean(5000, 5000.0, 5000.0)),
        (Moments.of_events(0, 0), Moments.of_events(100, 30)),
    ],
)
def test_nothing_to_compare_yet(pair):
    assert compare([pair], planned_units=1000) is None


def test_a_ratio_of_nothing_is_not_compared():
    nothing = Moments.of_pair(1000, 5.0, 9.0, 0.0, 0.0, 0.0)
    assert compare([(nothing, nothing)], planned_units=1000, ratio=True) is None


def test_a_control_of_zero_has_no_lift():
    found = compare([(Moments.of_mean(1000, 0.0, 1000.0), Moments.of_mean(1000, 500.0, 1250.0))], planned_units=2000)
    assert found.relative is None
    assert found.relative_interval.high == math.inf
    assert found.interval.low > 0
