from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admission.service_times import ServiceTimes


def run(times, calls, *, cost, took_s, backlog, now_s=0.0, items=2):
    """Calls one after the other in virtual time."""
    for _ in range(calls):
        times.began(now_s)
        now_s += took_s
        times.ended(cost, items, took_s, now_s, answered=True, backlog=backlog)


def test_nothing_is_known_before_it_was_seen():
    times = ServiceTimes(1)
    assert (times.wait_s(100), times.overhead, times.fastest_s(8), times.cost_of(1.0), times.cost_of_a_text) == (None, 0.0, 0.0, inf, 0.0)


def test_the_rate_is_that_of_a_backlog_being_worked_off():
    times = ServiceTimes(1)
    run(times, 10, cost=1, took_s=0.01, backlog=False)
    assert times.wait_s(1000) is None
    run(times, 30, cost=50, took_s=0.1, backlog=True)
    assert times.wait_s(1000) == pytest.approx(2)
    assert times.cost_of(2.0) == pytest.approx(1000)


def test_the_rate_forgets_by_time_and_not_by_calls():
    times = ServiceTimes(1)
    run(times, 1000, cost=1, took_s=0.01, backlog=True)
    run(times, 20, cost=1, took_s=0.02, backlog=True)  # 0.4 s
    assert times.wait_s(100) < 1.15
    run(times, 2000, cost=1, took_s=0.02, backlog=True)
    assert times.wait_s(100) == pytest.approx(2.0, rel=0.01)


@pytest.mark.parametrize(("instances", "call_cost_in_a_second"), [(1, 100), (2, 50), (3, 50)])
def test_calls_side_by_side_add_up(instances, call_cost_in_a_second):
    times = ServiceTimes(instances)
    for moment in range(100):  # two calls of cost 10 in flight all the time, each of 0.2 s
        if moment >= 2:
            times.ended(10, 1, 0.2, moment * 0.1, answered=True, backlog=True)
        times.began(moment * 0.1)
    assert times.wait_s(100) == pytest.approx(1, rel=0.01)
    assert times.cost_of(1.0) == pytest.approx(call_cost_in_a_second, rel=0.01)


def test_the_overhead_rises_with_texts_that_have_nothing_beside_them_and_with_no_other_calls():
    times = ServiceTimes(2)
    run(times, 30, cost=1000, took_s=0.1, backlog=True)
    run(times, 5, cost=10, took_s=0.011, backlog=True, items=1)
    assert times.overhead == pytest.approx(100, rel=0.05)
    run(times, 5, cost=10, took_s=0.05, backlog=False, items=2)
    run(times, 5, cost=10, took_s=0.05, backlog=True, items=1)
    for moment in (10.0, 20.0):
        times.began(moment)
        times.began(moment)
        for _ in range(2):
            times.ended(10, 1, 0.05, moment + 0.05, answered=True, backlog=False)
    before = times._quickest.took_s
    assert before == 0.011
    run(times, 50, cost=10, took_s=0.05, backlog=False, items=1)
    assert times._quickest.took_s == pytest.approx(0.05, rel=0.01)


@pytest.mark.parametrize("cost", [10, 50, 100])
def test_the_overhead_of_a_call_is_what_a_text_alone_takes_beyond_its_share_of_a_call_for_many(cost):
    times = ServiceTimes(1)
    run(times, 100, cost=1000, took_s=0.1, backlog=True)
    run(times, 1, cost=cost, took_s=0.05 + 0.0001 * cost, backlog=False, items=1)
    assert times.overhead == pytest.approx(500)


def test_a_text_that_took_no_longer_than_its_share_has_no_overhead():
    times = ServiceTimes(1)
    run(times, 100, cost=1000, took_s=0.1, backlog=True)
    run(times, 1, cost=100, took_s=0.005, backlog=False, items=1)
    assert times.overhead == 0.0


def test_what_the_first_text_took_is_unlearned_by_calls_that_take_less_while_no_text_is_alone():
    times = ServiceTimes(1)
    run(times, 1, cost=10, took_s=3.0, backlog=False, items=1)
    run(times, 100, cost=1000, took_s=0.1, backlog=True)
    assert times.overhead == pytest.approx(0.1 / 0.0001 - 10)


def test_a_rate_from_a_backlog_long_ago_is_unlearned_by_calls_that_leave_none():
    times = ServiceTimes(2)
    run(times, 30, cost=10, took_s=1.0, backlog=True)
    assert (times.wait_s(10), times.cost_of(1.0)) == (pytest.approx(1.0), pytest.approx(10))
    run(times, 3000, cost=10, took_s=0.01, backlog=False)
    assert (times.wait_s(10), times.cost_of(1.0)) == (pytest.approx(0.01, rel=0.01), pytest.approx(1000, rel=0.01))


def test_the_cost_of_a_text_is_the_mean_of_the_calls_of_late():
    times = ServiceTimes(1)
    run(times, 500, cost=100, took_s=0.1, backlog=True, items=1)
    run(times, 500, cost=300, took_s=0.1, backlog=True, items=10)
    assert times.cost_of_a_text == pytest.approx(30)


def test_the_fastest_is_below_the_mean_as_far_as_calls_vary_and_apart_for_each_size():
    times = ServiceTimes(1)
    run(times, 50, cost=64, took_s=0.2, backlog=True)
    assert 0.19 < times.fastest_s(64) <= 0.2
    assert times.fastest_s(1) == 0.0
    for took_s in (0.1, 0.3) * 20:
        run(times, 1, cost=64, took_s=took_s, backlog=True)
    assert times.fastest_s(64) < 0.1


def test_a_call_takes_no_longer_than_calls_that_cost_more():
    times = ServiceTimes(1)
    run(times, 50, cost=64, took_s=2.0, backlog=True)
    run(times, 50, cost=640, took_s=0.1, backlog=True)
    assert times.fastest_s(64) <= 0.1
    run(times, 50, cost=6, took_s=0.01, backlog=True)
    assert times.fastest_s(64) > 0.01


def test_a_call_that_failed_teaches_nothing():
    times = ServiceTimes(1)
    times.began(0.0)
    times.ended(64, 64, 0.001, 0.001, answered=False, backlog=True)
    assert (times.wait_s(1), times.fastest_s(64), times.cost_of(1.0)) == (None, 0.0, inf)


def test_calls_that_take_no_time_by_the_clock_set_no_limit():
    times = ServiceTimes(1)
    times.began(0.0)
    times.ended(64, 1, 0.0, 0.0, answered=True, backlog=False)
    assert times.cost_of(1.0) == inf


def give_up(times, *, cost, took_s, now_s, items=1, backlog=False):
    times.began(now_s)
    times.ended(cost, items, took_s, now_s + took_s, answered=False, backlog=backlog, given_up=True)


def test_a_call_that_was_given_up_bounds_the_calls_after_it():
    times = ServiceTimes(1)
    give_up(times, cost=1000, took_s=10.0, now_s=0.0, items=100)
    assert times.cost_of(1.0) == pytest.approx(100)
    assert times.cost_of_a_text == pytest.approx(10)
    run(times, 150, cost=100, took_s=0.1, backlog=False, now_s=10.0)
    assert times.cost_of(1.0) == pytest.approx(1000, rel=0.1), "it was only once so slow"


def test_a_call_that_failed_otherwise_tells_nothing():
    times = ServiceTimes(1)
    times.began(0.0)
    times.ended(1000, 100, 10.0, 10.0, answered=False, backlog=False)
    assert (times.cost_of(1.0), times.fastest_s(1000)) == (inf, 0.0)


SECONDS, COST = st.floats(0.001, 10.0), st.integers(1, 5000)


@given(calls=st.lists(st.tuples(SECONDS, COST), max_size=20), late=st.tuples(SECONDS, COST))
def test_giving_up_never_makes_a_server_seem_faster(calls, late):
    times, now_s = ServiceTimes(2), 0.0
    for took_s, cost in calls:
        run(times, 1, cost=cost, took_s=took_s, backlog=False, now_s=now_s)
        now_s += took_s
    before = times.cost_of(1.0)
    give_up(times, cost=late[1], took_s=late[0], now_s=now_s)
    assert times.cost_of(1.0) <= before * (1 + 1e-9)
