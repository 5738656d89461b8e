import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from loadtest.cost import usd_per_million
from loadtest.demo.goodness_of_fit import chi_square_p_value, chi_square_survival
from loadtest.report.charts.axis import axis_from_zero, log_axis, nines, value_axis
from loadtest.results.histogram import MAX_US, Histogram, merged
from loadtest.results.percentiles import count_behind, latency_curve, summarize_latency

durations = st.lists(st.floats(0, 3000), min_size=1, max_size=300)


def counted(durations_s: list[float]) -> Histogram:
    histogram = Histogram()
    for duration_s in durations_s:
        histogram.record_s(duration_s)
    return histogram


@given(durations, st.floats(0.001, 1))
def test_a_percentile_is_the_value_of_its_rank_within_the_precision(durations_s: list[float], quantile: float) -> None:
    ordered = sorted(durations_s)
    exact_ms = ordered[max(math.ceil(round(quantile * len(ordered), 9)), 1) - 1] * 1e3
    assert counted(durations_s).quantile_ms(quantile) == pytest.approx(exact_ms, rel=1e-3, abs=2e-3)


@given(durations)
def test_the_mean_is_exact_to_a_microsecond(durations_s: list[float]) -> None:
    assert counted(durations_s).mean_ms == pytest.approx(math.fsum(durations_s) / len(durations_s) * 1e3, abs=1.1e-3)


@given(st.lists(durations, min_size=1, max_size=4))
def test_merged_histograms_are_the_one_that_counted_everything(parts: list[list[float]]) -> None:
    sent = [Histogram.from_dict(counted(part).to_dict()) for part in parts]
    assert merged(sent) == counted([duration_s for part in parts for duration_s in part])


@given(durations)
@settings(max_examples=20)  # each decodes and scans whole histograms
def test_the_counts_of_a_histogram_give_back_its_values(durations_s: list[float]) -> None:
    histogram = counted(durations_s)
    values_ms = [ms for ms, count in histogram.counts() for _ in range(count)]
    total = len(durations_s)
    assert values_ms == histogram.quantiles_ms([(rank + 1) / total for rank in range(total)])
    assert Histogram.decode(histogram.encode()).counts() == histogram.counts()


def test_a_duration_beyond_an_hour_counts_as_an_hour() -> None:
    assert counted([1e9]).max_ms == pytest.approx(MAX_US / 1e3, rel=1e-3)
    assert counted([-1.0]).max_ms == 0


def test_percentiles_of_one_to_ten_thousand_ms_are_themselves() -> None:
    histogram = counted([value / 1e3 for value in range(1, 10_001)])
    summary = summarize_latency(histogram)
    assert summary == pytest.approx(
        {
            "p50": 5000, "p75": 7500, "p90": 9000, "p95": 9500, "p99": 9900, "p99_9": 9990, "p99_99": 9999,
            "mean": 5000.5, "min": 1, "max": 10_000,
        }, rel=1e-3
    )  # fmt: skip
    assert count_behind(histogram) == {"p50": 5001, "p75": 2501, "p90": 1001, "p95": 501, "p99": 101, "p99_9": 11, "p99_99": 2, "max": 1}
    assert summarize_latency(Histogram()) is None


@given(durations)
def test_the_latency_curve_rises_from_the_least_to_the_greatest(durations_s: list[float]) -> None:
    curve = latency_curve(counted(durations_s))
    assert curve == sorted(curve)
    assert curve[0][1] == pytest.approx(min(durations_s) * 1e3, rel=1e-3, abs=2e-3)
    assert curve[-1][1] == pytest.approx(max(durations_s) * 1e3, rel=1e-3, abs=2e-3)
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


def test_a_logarithmic_axis_encloses_its_values_and_gives_each_decade_the_same_room() -> None:
    axis = log_axis("ms", 0.3, 4000.0)
    assert (axis.low, axis.high) == (0.1, 10_000)
    assert [axis.place(value) for value in (0.1, 1, 10, 10_000)] == pytest.approx([0, 0.2, 0.4, 1])
    assert axis.place(0.0) == 0
    assert [text for _, text in log_axis("ms", 12.0, 90.0).ticks] == ["10", "20", "50", "100"]


def test_values_of_like_size_have_an_axis_from_zero() -> None:
    assert value_axis("ms", [5.0, 100.0]).low == 0
    assert value_axis("ms", [1.0, 100.0]).low == 1
    assert value_axis("ms", []).low == 0
