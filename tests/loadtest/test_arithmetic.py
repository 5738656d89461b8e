import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from loadtest.axis import axis_from_zero, nines
from loadtest.cost import usd_per_million
from loadtest.goodness_of_fit import chi_square_p_value, chi_square_survival
from loadtest.percentiles import latency_curve, percentile, summarize_latency

latencies = st.lists(st.floats(0, 1e6), min_size=1, max_size=300).map(sorted)


@given(latencies, st.floats(0.001, 1))
def test_a_percentile_is_the_smallest_value_with_enough_at_or_below_it(ordered: list[float], quantile: float) -> None:
    value = percentile(ordered, quantile)
    needed = quantile * len(ordered) - 1e-6
    assert value in ordered
    assert sum(x <= value for x in ordered) >= needed
    assert sum(x < value for x in ordered) < needed + 1e-5


def test_percentiles_of_one_to_a_hundred_are_themselves() -> None:
    ordered = [float(value) for value in range(1, 101)]
    assert [percentile(ordered, share / 100) for share in range(1, 101)] == ordered
    assert summarize_latency(ordered) == {
        "p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p99_9": 100.0, "mean": 50.5, "min": 1.0, "max": 100.0,
    }  # fmt: skip
    assert summarize_latency([]) is None


@given(latencies)
def test_the_latency_curve_rises_from_the_least_to_the_greatest(ordered: list[float]) -> None:
    curve = latency_curve(ordered)
    assert curve == sorted(curve)
    assert curve[0][1] == ordered[0]
    assert curve[-1][1] == ordered[-1]
    assert all(quantile < 1 for quantile, _ in curve)


def test_a_million_texts_at_a_thousand_a_second_take_a_thousand_seconds() -> None:
    assert usd_per_million(3.6, 1000) == pytest.approx(1.0)
    assert usd_per_million(0, 1000) == 0
    for price, rate in ((-1.0, 10.0), (1.0, 0.0)):
        with pytest.raises(ValueError, match="must"):
            usd_per_million(price, rate)


@given(st.floats(0, 200), st.integers(1, 12))
def test_the_chi_square_tail_is_scipys(statistic: float, degrees: int) -> None:
    assert chi_square_survival(statistic, degrees) == pytest.approx(stats.chi2.sf(statistic, degrees), rel=1e-9, abs=1e-12)


def test_counts_are_tested_against_their_weights() -> None:
    assert chi_square_p_value([500, 500], [0.5, 0.5]) == 1
    assert chi_square_p_value([90, 210, 300], [1, 2, 3]) == pytest.approx(stats.chisquare([90, 210, 300], [100, 200, 300]).pvalue)
    assert chi_square_p_value([600, 400], [0.5, 0.5]) < 1e-9
    with pytest.raises(ValueError, match="two counts"):
        chi_square_p_value([5], [1])


@given(st.floats(1e-6, 1e9))
def test_an_axis_holds_its_greatest_value_with_few_round_steps(greatest: float) -> None:
    axis = axis_from_zero("ms", greatest)
    assert axis.high >= greatest * (1 - 1e-9)
    assert 2 <= len(axis.ticks) <= 6
    assert 0 < axis.place(greatest) <= 1


def test_each_nine_is_one_more() -> None:
    assert [round(nines(quantile), 9) for quantile in (0, 0.9, 0.99, 0.999)] == [0, 1, 2, 3]
    assert math.isclose(nines(0.5), math.log10(2))
