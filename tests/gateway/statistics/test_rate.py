import pytest

from gateway.statistics import beta_binomial
from gateway.statistics.interval import Interval
from gateway.statistics.rate import rate_difference, rate_interval, rate_lift


@pytest.mark.parametrize(
    ("events", "units", "planned", "low", "high"),
    [(700, 1000, 100, 0.651629, 0.745949), (15, 50, 50, 0.129556, 0.511896), (5, 50, 50, 0.013021, 0.269264)],
)
def test_intervals_are_confseqs(events, units, planned, low, high):
    interval = rate_interval(events, units, 0.05, strength=beta_binomial.concentration(planned, 0.05))
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=2e-6)


def test_without_events_the_rate_is_bounded_above():
    interval = rate_interval(0, 1000, 0.05)
    assert interval.low == 0
    assert 0.003 < interval.high < 0.008  # one look would give 0.003


def test_with_events_only_the_rate_is_bounded_below():
    assert rate_interval(1000, 1000, 0.05).high == 1
    assert rate_interval(1000, 1000, 0.05).low == pytest.approx(1 - rate_interval(0, 1000, 0.05).high)


def test_without_units_nothing_is_known():
    assert rate_interval(0, 0, 0.05) == Interval(0, 1)


def test_more_events_than_units_are_refused():
    with pytest.raises(ValueError, match="count a unit once"):
        rate_interval(3, 2, 0.05)


def test_differences_and_lifts_take_the_far_ends():
    control, treatment = Interval(0.1, 0.2), Interval(0.3, 0.5)
    difference, lift = rate_difference(control, treatment), rate_lift(control, treatment)
    assert (difference.low, difference.high) == pytest.approx((0.1, 0.4))
    assert (lift.low, lift.high) == pytest.approx((0.5, 4))
    assert rate_lift(Interval(0, 0.2), treatment).high == float("inf")
