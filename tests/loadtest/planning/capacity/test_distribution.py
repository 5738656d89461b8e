import math
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.planning.capacity.distribution import Distribution, compact, constant, from_quantiles, lognormal, mix

values = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=60)


@given(values)
def test_compacting_keeps_the_mean_and_the_order(values: list[float]) -> None:
    distribution = compact(values, [1.0] * len(values))
    assert distribution.mean == pytest.approx(math.fsum(values) / len(values))
    assert list(distribution.values) == sorted(distribution.values)
    assert math.fsum(distribution.weights) == pytest.approx(1)
    assert min(values) <= distribution.quantile(0.5) <= max(values)


@given(values, values)
def test_a_sum_has_the_sum_of_the_means(one: list[float], other: list[float]) -> None:
    left, right = (compact(many, [1.0] * len(many)) for many in (one, other))
    assert left.plus(right).mean == pytest.approx(left.mean + right.mean)
    assert left.plus(constant(2.0)).mean == pytest.approx(left.mean + 2)


@given(st.floats(1e-4, 10), st.floats(0.01, 6))
def test_a_lognormal_has_its_mean_spread_and_quantiles(mean: float, scv: float) -> None:
    distribution = lognormal(mean, scv)
    sigma = math.sqrt(math.log1p(scv))
    assert distribution.mean == pytest.approx(mean)
    assert distribution.scv == pytest.approx(scv, rel=0.02, abs=0.001)
    for share in (0.5, 0.9, 0.99, 0.999):
        assert distribution.quantile(share) == pytest.approx(mean * math.exp(sigma * NormalDist().inv_cdf(share) - sigma**2 / 2), rel=0.02)


@given(st.floats(1e-4, 10), st.floats(0.05, 4))
def test_a_distribution_comes_back_from_its_quantiles_and_mean(mean: float, scv: float) -> None:
    original = lognormal(mean, scv)
    shares = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
    restored = from_quantiles({share: original.quantile(share) for share in shares}, mean)
    assert restored.mean == pytest.approx(mean)
    for share in (0.5, 0.9, 0.99):
        assert restored.quantile(share) == pytest.approx(original.quantile(share), rel=0.1)


def test_what_the_mean_asks_for_beyond_the_highest_quantile_is_a_tail() -> None:
    distribution = from_quantiles({0.5: 1.0, 0.9: 2.0}, 1.5)
    assert distribution.mean == pytest.approx(1.5)
    assert distribution.quantile(0.5) == pytest.approx(1.0, rel=0.02)
    assert distribution.quantile(0.99) > 2.0


def test_a_mix_holds_the_shares_of_its_parts() -> None:
    distribution = mix([(0.4, constant(1.0)), (0.6, constant(11.0)), (0.0, constant(99.0))])
    assert distribution.mean == pytest.approx(7.0)
    assert distribution.cdf(5.0) == pytest.approx(0.4)
    assert distribution.cdf(0.5) == 0
    assert distribution.cdf(11.0) == pytest.approx(1)


@pytest.mark.parametrize(
    ("quantiles", "mean", "said"),
    [
        ({}, 1.0, "shares above 0"),
        ({1.5: 1.0}, 1.0, "shares above 0"),
        ({0.5: 2.0, 0.9: 1.0}, 1.0, "must not fall"),
        ({0.5: 1.0}, 0.0, "must be positive"),
    ],
)
def test_impossible_quantiles_are_refused(quantiles: dict[float, float], mean: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        from_quantiles(quantiles, mean)


def test_the_spread_of_nothing_is_nothing() -> None:
    assert constant(0.0).scv == 0
    assert Distribution((1.0, 3.0), (0.5, 0.5)).scv == pytest.approx(0.25)
