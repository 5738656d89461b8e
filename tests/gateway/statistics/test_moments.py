import numpy as np
import pytest

from gateway.statistics.moments import Moments

rng = np.random.default_rng(3)


def of_values(values):
    """The sums of rows of values, one row a unit."""
    products = values.T @ values
    return Moments(len(values), tuple(values.sum(axis=0)), tuple(map(tuple, products)))


def test_means_and_covariances_are_those_of_the_raw_values():
    values = rng.normal([1, 2, 3, 4], size=(50, 4))
    moments = of_values(values)
    assert moments.means == pytest.approx(values.mean(axis=0))
    assert np.array(moments.covariance) == pytest.approx(np.cov(values.T))


def test_the_sums_of_two_groups_are_those_of_all():
    values = rng.normal(size=(50, 2))
    both = of_values(values[:20]) + of_values(values[20:])
    assert both.means == pytest.approx(values.mean(axis=0))
    assert np.array(both.covariance) == pytest.approx(np.cov(values.T))


def test_the_variance_of_events_is_that_of_a_share():
    assert Moments.of_events(10, 3).covariance == ((pytest.approx(0.3 * 0.7),),)


def test_pairs_keep_their_order():
    x, y = rng.normal(size=(2, 30))
    pair = Moments.of_pair(30, x.sum(), (x * x).sum(), y.sum(), (y * y).sum(), (x * y).sum())
    assert np.array(pair.covariance) == pytest.approx(np.cov(x, y))


@pytest.mark.parametrize("units", [0, 1])
def test_fewer_than_two_units_have_no_variance(units):
    assert Moments.of_mean(units, 2.0 * units, 4.0 * units).covariance == ((0.0,),)


def test_more_events_than_units_are_refused():
    with pytest.raises(ValueError, match="count a unit once"):
        Moments.of_events(10, 11)


def test_sums_of_different_metrics_do_not_add_up():
    with pytest.raises(ValueError, match="do not add up"):
        Moments.of_events(10, 1) + Moments.of_mean(10, 1, 1)
