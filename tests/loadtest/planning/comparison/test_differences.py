"""Intervals of differences: runs that are known to be equal, or to differ by a known factor."""

import dataclasses

import pytest
from compared_runs import simulated

from loadtest.planning.comparison.condition import parse_condition
from loadtest.planning.comparison.difference import Difference, Interval
from loadtest.planning.comparison.repetitions import combine
from loadtest.planning.comparison.runs import compare_runs
from loadtest.planning.comparison.student import t_95
from loadtest.results.results import Results


def by_metric(before: Results, after: Results, *, paired: bool = True) -> dict[str, Difference]:
    return {difference.metric: difference for difference in compare_runs(before, after, paired=paired)}


def test_equal_systems_are_told_apart_as_rarely_as_the_intervals_say() -> None:
    comparisons = 24
    claimed = dict.fromkeys(("mean", "p50", "p90", "p95"), 0)
    for seed in range(comparisons):
        found = by_metric(simulated(seed, own_seed=2 * seed), simulated(seed, own_seed=2 * seed + 1))
        for metric in claimed:
            claimed[metric] += found[metric].certain
    # five in a hundred by right; of 24, more than five come by chance once in a thousand times
    assert {metric: count for metric, count in claimed.items() if count > 5} == {}


def test_a_slower_system_is_found_and_the_interval_holds_by_how_much() -> None:
    found_slower = held = 0
    for seed in range(10):
        slower = by_metric(simulated(seed, own_seed=2 * seed), simulated(seed, own_seed=2 * seed + 1, factor=1.25))["p90"]
        assert slower.change_interval is not None
        found_slower += slower.certain and slower.change > 0
        held += slower.change_interval.low <= 0.25 <= slower.change_interval.high
    assert found_slower >= 6
    assert held >= 8


def test_pairing_what_both_were_sent_narrows_the_interval() -> None:
    before, after = simulated(1, own_seed=1), simulated(1, own_seed=2)
    paired, apart = (by_metric(before, after, paired=paired)["throughput"].change_interval for paired in (True, False))
    assert paired is not None
    assert apart is not None
    assert paired.high - paired.low < 0.5 * (apart.high - apart.low)


def test_a_run_does_not_differ_from_itself() -> None:
    run = simulated(1, own_seed=1)
    for difference in compare_runs(run, run, paired=True):
        assert difference.change == 0
        assert difference.change_interval is None or difference.change_interval.low <= 0 <= difference.change_interval.high
        assert not difference.certain


def test_errors_and_cost_have_intervals_and_rare_percentiles_have_none() -> None:
    found = by_metric(simulated(1, own_seed=1), simulated(1, own_seed=2, fail_share=0.1))
    assert found["errors"].certain
    assert found["errors"].change == pytest.approx(0.1, abs=0.03)
    assert found["cost"].certain
    assert found["cost"].change == pytest.approx(1 / (1 + found["throughput"].change) - 1)
    assert found["p99.99"].change_interval is None


def test_several_pairs_are_combined_by_students_t() -> None:
    pairs = [[Difference("p99", "latency", 10.0, 10.0 * factor, factor - 1)] for factor in (1.1, 1.2, 1.15)]
    (combined,) = combine(pairs)
    assert combined.change == pytest.approx((1.1 * 1.2 * 1.15) ** (1 / 3) - 1)
    assert combined.change_interval is not None
    assert combined.change_interval.low == pytest.approx(0.0315, abs=0.0005)
    assert combined.certain


def test_counts_that_are_equal_by_chance_are_no_certainty() -> None:
    """One of 1,100 requests failed in each of two runs: the pairs do not differ, and say little."""
    seen = Difference("errors", "share", 0.0, 0.0009, 0.0009, Interval(-0.0002, 0.0031), Interval(0.0, 0.0031))
    (combined,) = combine([[seen], [seen]])
    assert (combined.before, combined.after, combined.change) == (0.0, 0.0009, 0.0009)
    assert combined.change_interval is not None
    assert combined.change_interval.low == pytest.approx(0.0009 - 0.0011 / 2**0.5)
    assert [parse_condition(text).judge([combined]) for text in ("errors>+0.05pp", "errors>0.05%", "errors>+0.1pp")] == [
        *("unknown", "unknown", "not met")
    ]
    # where the pairs differ by more than their seconds, it counts
    other = dataclasses.replace(seen, after=0.0039, change=0.0039, change_interval=None)
    (combined,) = combine([[seen], [other]])
    assert combined.change_interval is not None
    assert combined.change_interval.low == pytest.approx(0.0024 - 12.706 * 0.0015, abs=1e-5)


def test_students_t_is_that_of_the_tables() -> None:
    table = {1: 12.706, 2: 4.303, 4: 2.776, 5: 2.571, 9: 2.262, 30: 2.042, 1000: 1.962}
    assert {degrees: t_95(degrees) for degrees in table} == pytest.approx(table, abs=0.002)
