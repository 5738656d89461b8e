"""Against savvi's example of a canary and against brute force."""

import math

import numpy as np
import pytest

from gateway.statistics import event_test
from gateway.statistics.event_test import EventCounts


def savvis_events():
    """The arms of its first 210 events; treatment has a share of 0.2."""
    weighted = np.array([0.8, 0.2]) * np.exp([1.5, 2.0])
    return np.random.RandomState(1).multinomial(1, weighted / weighted.sum(), size=1000)[:210]


def test_the_p_value_is_savvis_and_so_is_when_to_stop():
    totals = np.cumsum(savvis_events(), axis=0)
    p_values = [event_test.p_value([EventCounts(control, treatment, 0.2)]) for control, treatment in totals]
    assert p_values[-1] == pytest.approx(0.0456, abs=5e-5)
    assert min(p_values[:-1]) > 0.05


def test_the_interval_of_the_rate_ratio_is_savvis():
    """It keeps what all looks so far allow."""
    totals = np.cumsum(savvis_events(), axis=0)
    looks = [event_test.ratio_interval([EventCounts(control, treatment, 0.2)], 0.05) for control, treatment in totals]
    low, high = math.log(max(look.low for look in looks if look.low)), math.log(min(look.high for look in looks))
    assert (low, high) == pytest.approx((0.0046, 0.7549), abs=2e-4)


@pytest.mark.parametrize(("control", "treatment", "share"), [(40, 70, 0.5), (990, 30, 0.01), (5, 0, 0.3), (0, 9, 0.01), (2, 1, 0.5)])
def test_p_values_and_intervals_agree(control, treatment, share):
    counts = [EventCounts(control, treatment, share)]
    interval = event_test.ratio_interval(counts, 0.05)
    assert interval.excludes(1) == (event_test.p_value(counts) <= 0.05)
    for end in (interval.low, interval.high):
        if 0 < end < math.inf:
            assert event_test.log_evidence(counts, end) == pytest.approx(math.log(20), abs=1e-3)


def test_one_side_finds_more_than_two():
    counts = [EventCounts(50, 80, 0.5)]
    one, two = event_test.p_value_above(counts), event_test.p_value(counts)
    assert one == pytest.approx(two / 2, rel=0.05)


def test_the_other_side_is_no_evidence():
    assert event_test.p_value_above([EventCounts(500, 300, 0.5)]) == 1


def test_a_bound_of_one_side_agrees_with_its_p_value():
    counts = [EventCounts(50, 120, 0.5)]
    bound = event_test.ratio_bound_below(counts, 0.05)
    assert 1 < bound < 2.4
    assert event_test.p_value_above(counts, bound) == pytest.approx(0.05, rel=1e-3)
    assert event_test.ratio_bound_below([EventCounts(3, 0, 0.5)], 0.05) == 0


def test_the_evidence_of_epochs_multiplies():
    first, second = EventCounts(30, 50, 0.5), EventCounts(100, 20, 0.1)
    separate = [event_test.log_evidence([counts], 1.0) for counts in (first, second)]
    assert event_test.log_evidence([first, second], 1.0) == pytest.approx(sum(separate))


def test_without_events_nothing_is_known():
    counts = [EventCounts(0, 0, 0.5)]
    assert event_test.p_value(counts) == 1
    assert (event_test.ratio_interval(counts, 0.05).low, event_test.ratio_interval(counts, 0.05).high) == (0, math.inf)


@pytest.mark.parametrize("share", [0, 1, -0.1])
def test_an_arm_without_a_share_is_refused(share):
    with pytest.raises(ValueError, match="share"):
        EventCounts(1, 1, share)
