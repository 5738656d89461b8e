import math
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from loadtest.arrivals import curve
from loadtest.arrivals.process import Arrivals, ArrivalsError, Constant, Diurnal, Poisson, Ramp, Spike, Step, Trace
from loadtest.arrivals.recorded import TraceError, TraceRow, read_trace
from loadtest.arrivals.text import parse_arrivals

quarters = st.integers(0, 200).map(lambda number: number / 4)


@given(st.lists(st.tuples(quarters, quarters), min_size=1, max_size=6), st.floats(0, 100))
def test_a_curve_reaches_each_count_when_it_says(parts: list[tuple[float, float]], count: float) -> None:
    knots, time_s = [(0.0, 1.0)], 0.0
    for width_s, rate in parts:
        time_s += width_s
        knots.append((time_s, rate))
    made = curve.RateCurve(knots)
    moment = made.when(count)
    if math.isfinite(moment):
        assert made.expected(moment) == pytest.approx(count, abs=1e-6)


@given(st.floats(0, 60))
def test_the_expected_arrivals_are_the_area_under_the_rate(until_s: float) -> None:
    assert curve.constant(7).expected(until_s) == pytest.approx(7 * until_s)
    ramp = curve.ramp(10, 40, 30)
    inside_s = min(until_s, 30)
    assert ramp.expected(until_s) == pytest.approx(10 * inside_s + inside_s**2 / 2 + 40 * (until_s - inside_s))
    spike = curve.spike(5, 50, at_s=20, for_s=10)
    assert spike.expected(until_s) == pytest.approx(5 * until_s + 45 * min(max(until_s - 20, 0), 10))


EVERY: list[tuple[Arrivals, float]] = [
    (Constant(50), 1000),
    (Poisson(50), 1000),
    (Ramp(0, 100), 1000),
    (Step((20, 80)), 1000),
    (Spike(20, 170, at_s=5, for_s=4), 1000),
    (Diurnal(50), 1000),
    (Diurnal(50, peak_to_mean=2, period_s=5, spacing="even"), 1000),
]


@pytest.mark.parametrize(("arrivals", "expected"), EVERY)
def test_each_process_has_its_number_of_arrivals_in_order(arrivals: Arrivals, expected: float) -> None:
    counts = []
    for seed in range(5):
        starts = list(arrivals.starts(seed, 20.0))
        assert starts == sorted(starts) == list(arrivals.starts(seed, 20.0))
        assert 0 <= starts[0] <= starts[-1] < 20
        counts.append(len(starts))
    # four standard deviations of the mean of five Poisson counts
    assert abs(sum(counts) / 5 - expected) <= 4 * math.sqrt(expected / 5)


def test_poisson_gaps_are_exponential_and_change_with_the_seed() -> None:
    starts = list(Poisson(100).starts(1, 100.0))
    gaps = [later - sooner for sooner, later in pairwise(starts)]
    assert stats.kstest(gaps, "expon", args=(0, 0.01)).pvalue > 0.01
    assert starts != list(Poisson(100).starts(2, 100.0))


def test_constant_arrivals_are_equally_spaced() -> None:
    assert list(Constant(4).starts(1, 1.0)) == pytest.approx([0, 0.25, 0.5, 0.75])


def test_a_ramp_from_nothing_begins_with_nothing() -> None:
    starts = list(Ramp(0, 100, spacing="even").starts(1, 2.0))
    assert len(starts) == 100
    assert starts[1] == pytest.approx(math.sqrt(2 / 50))
    assert sum(start_s < 1 for start_s in starts) == 25


def test_a_day_has_its_peak_at_noon() -> None:
    starts = list(Diurnal(1000, peak_to_mean=1.6, spacing="even").starts(1, 24.0))
    per_hour = [sum(hour <= start_s < hour + 1 for start_s in starts) for hour in range(24)]
    assert per_hour.index(max(per_hour)) in (11, 12)
    assert max(per_hour) == pytest.approx(1600, rel=0.01)
    assert min(per_hour) == pytest.approx(400, rel=0.03)


def test_a_trace_comes_as_it_was_recorded_at_its_speed(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    rows = [TraceRow(0.0, 1, 0, "topics"), TraceRow(1.5, 3, 2, "topics", 2), TraceRow(4.0, 1, 1)]
    path.write_text("".join(row.to_json() + "\n" for row in rows))
    assert list(read_trace(path)) == rows
    assert list(Trace(path, speed=2).starts(1, 10.0)) == [0, 0.75, 2]
    assert list(Trace(path).starts(1, 2.0)) == [0, 1.5]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("nope\n", "line 1: not JSON"),
        ('{"start_s": 0, "texts": 1}\n', "line 1: a row has start_s, texts, hits"),
        ('{"start_s": 0, "texts": 1, "hits": 2}\n', "hits at most texts"),
        ('{"start_s": "0", "texts": 1, "hits": 0}\n', "start_s must be a number"),
        ('{"start_s": 2, "texts": 1, "hits": 0}\n{"start_s": 1, "texts": 1, "hits": 0}\n', "line 2: start_s must not be less"),
    ],
)
def test_a_trace_that_cannot_be_used_says_where(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(content)
    with pytest.raises(TraceError, match=said):
        list(read_trace(path))


def test_arrivals_are_written_as_text() -> None:
    assert parse_arrivals("poisson", 50.0) == {"process": "poisson", "rate_rps": 50.0}
    assert parse_arrivals("ramp:from_rps=1,to_rps=20,spacing=even") == {
        "process": "ramp", "from_rps": 1.0, "to_rps": 20.0, "spacing": "even",
    }  # fmt: skip
    assert parse_arrivals("step:rates_rps=10/20") == {"process": "step", "rates_rps": [10.0, 20.0]}
    assert parse_arrivals("trace:a:b.jsonl") == {"process": "trace", "path": "a:b.jsonl"}
    for text, said in (
        ("bursty", "no arrivals named 'bursty'"),
        ("ramp:up=1", "'up=1' is none of them"),
        ("poisson:rate_rps=x", "must be a number"),
    ):
        with pytest.raises(ArrivalsError, match=said):
            parse_arrivals(text)
    with pytest.raises(ArrivalsError, match="no rate of their own"):
        parse_arrivals("ramp", 5.0)
