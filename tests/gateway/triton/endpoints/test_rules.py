"""Outliers, the retry budget, latencies and the choice: pure, in virtual time."""

import random
from collections import Counter
from types import SimpleNamespace

import pytest

from gateway.triton.endpoints.choice import less_loaded_of_two
from gateway.triton.endpoints.latencies import LEAST, Latencies
from gateway.triton.endpoints.outliers import INTERVAL_S, LONGEST_REST_S, REST_S, Outliers, Record
from gateway.triton.endpoints.retry_budget import LONGEST_S, RESERVE_PER_S, RetryBudget


def record(answered=0, failed=0, mean_s=0.1):
    return Record(answered, failed, answered * mean_s)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (record(2, 8), "failures"),
        (record(8, 2), None),
        (record(1, 3), None),  # too few to judge
        (record(50, mean_s=0.5), "slowness"),
        (record(50, mean_s=0.3), None),
        (record(5, mean_s=9.0), None),  # too few to judge
    ],
)
def test_who_does_worse_than_the_others_is_ejected(bad, reason):
    records = {"bad": bad, "good": record(50), "fine": record(40)}
    assert Outliers(0.0).judge(records, INTERVAL_S) == ({"bad": reason} if reason else {})
    assert bad.is_ejected(INTERVAL_S + REST_S - 0.1) is bool(reason)
    assert not bad.is_ejected(INTERVAL_S + REST_S)


def test_nobody_is_ejected_where_all_fail_or_where_there_is_only_one():
    assert Outliers(0.0).judge({"a": record(1, 9), "b": record(2, 8), "c": record(1, 9)}, INTERVAL_S) == {}
    assert Outliers(0.0).judge({"a": record(1, 9)}, INTERVAL_S) == {}


def test_at_most_half_are_out_at_a_time():
    records = {"a": record(0, 50), "b": record(0, 50), "c": record(100), "d": record(100), "e": record(9, 50), "f": record(100)}
    assert len(Outliers(0.0).judge(records, INTERVAL_S)) <= 3
    two = {"a": record(0, 50), "b": record(100)}
    outliers = Outliers(0.0)
    assert outliers.judge(two, INTERVAL_S) == {"a": "failures"}
    two["b"].failed = 50
    assert outliers.judge(two, 2 * INTERVAL_S) == {}


def test_judgement_falls_once_an_interval_on_what_happened_in_it():
    records, outliers = {"a": record(0, 50), "b": record(100)}, Outliers(0.0)
    assert outliers.judge(records, INTERVAL_S / 2) == {}
    assert outliers.judge(records, INTERVAL_S) == {"a": "failures"}
    assert (records["a"].calls, records["b"].calls) == (0, 0)


def test_each_ejection_lasts_longer_up_to_a_bound():
    records, outliers, now_s, rests = {"a": record(), "b": record()}, Outliers(0.0), 0.0, []
    for _ in range(6):
        records["a"].failed, records["b"].answered = 50, 100
        now_s = max(now_s + INTERVAL_S, records["a"].ejected_until_s)
        assert outliers.judge(records, now_s) == {"a": "failures"}
        rests.append(records["a"].ejected_until_s - now_s)
    assert rests == [REST_S, 2 * REST_S, 4 * REST_S, 8 * REST_S, LONGEST_REST_S, LONGEST_REST_S]


def test_retries_are_a_share_of_the_calls_and_a_few_each_second():
    budget = RetryBudget(0.1, 0.0)
    while budget.spend(0.0):
        pass
    for _ in range(100):
        budget.earn()
    assert sum(budget.spend(0.0) for _ in range(100)) in (9, 10)
    assert sum(budget.spend(1.0) for _ in range(100)) == RESERVE_PER_S


def test_what_is_not_spent_is_not_kept_for_ever():
    budget = RetryBudget(0.1, 0.0)
    for _ in range(100_000):
        budget.earn()
    assert sum(budget.spend(1e6) for _ in range(1000)) == RESERVE_PER_S * LONGEST_S


def test_a_share_of_nothing_allows_no_retry():
    budget = RetryBudget(0.0, 0.0)
    budget.earn()
    assert not budget.spend(100.0)


def test_percentiles_are_those_of_calls_of_the_same_size_and_unknown_before_enough_were_seen():
    latencies = Latencies()
    for i in range(LEAST - 1):
        latencies.add(8, i / 100)
    assert latencies.percentile_s(8, 90) is None
    latencies.add(8, 5.0)
    assert latencies.percentile_s(8, 50) == 0.1
    assert latencies.percentile_s(8, 95) == 5.0
    assert latencies.percentile_s(64, 50) is None


def test_the_less_loaded_of_two_is_asked_and_the_busiest_never():
    endpoints = [SimpleNamespace(load=load) for load in (0, 1, 2)]
    draw = random.Random(7).sample
    chosen = Counter(less_loaded_of_two(endpoints, draw).load for _ in range(300))
    assert chosen[2] == 0
    assert chosen[0] > chosen[1] > 0
    assert less_loaded_of_two(endpoints[2:], draw).load == 2
