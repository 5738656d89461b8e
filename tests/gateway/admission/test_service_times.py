import pytest

from gateway.admission.service_times import ServiceTimes


def run(times, calls, *, items, took_s, backlog):
    """Calls one after the other in virtual time."""
    now_s = 0.0
    for _ in range(calls):
        times.began(now_s)
        now_s += took_s
        times.ended(items, took_s, now_s, answered=True, backlog=backlog)


def test_nothing_is_known_before_it_was_seen():
    times = ServiceTimes()
    assert (times.items_per_s, times.wait_s(100), times.fastest_s(8)) == (None, None, 0.0)


def test_the_rate_is_that_of_a_backlog_being_worked_off():
    times = ServiceTimes()
    run(times, 10, items=1, took_s=0.01, backlog=False)
    assert times.items_per_s is None
    run(times, 30, items=50, took_s=0.1, backlog=True)
    assert times.items_per_s == pytest.approx(500)
    assert times.wait_s(1000) == pytest.approx(2)


def test_calls_side_by_side_add_up():
    times = ServiceTimes()
    for moment in range(50):  # two calls of 10 items in flight all the time, each of 0.2 s
        times.began(moment * 0.1)
        if moment >= 2:
            times.ended(10, 0.2, moment * 0.1, answered=True, backlog=True)
    assert times.items_per_s == pytest.approx(100, rel=0.01)


def test_the_fastest_is_below_the_mean_as_far_as_calls_vary_and_apart_for_each_size():
    times = ServiceTimes()
    run(times, 50, items=64, took_s=0.2, backlog=True)
    assert 0.19 < times.fastest_s(64) <= 0.2
    assert times.fastest_s(1) == 0.0
    for took_s in (0.1, 0.3) * 20:
        run(times, 1, items=64, took_s=took_s, backlog=True)
    assert times.fastest_s(64) < 0.1


def test_a_call_that_failed_teaches_nothing():
    times = ServiceTimes()
    times.began(0.0)
    times.ended(64, 0.001, 0.001, answered=False, backlog=True)
    assert (times.items_per_s, times.fastest_s(64)) == (None, 0.0)
