"""How much a call may cost, who counts as asking now and then, and what a text costs."""

import pytest

from gateway.admission.arrivals import MAX_FLOWS, PAUSE_S, Arrivals
from gateway.admission.call_size import SMALL, SMALL_FOR_S, USUAL, CallSize
from gateway.admission.cost import BASE, cost_of
from gateway.admission.service_times import ServiceTimes
from gateway.request.prediction import Item


def times_of(unit_s, lone_s=None, lone_cost=100):
    """Ten texts of cost 100 took `unit_s` for each unit, and then a text alone took `lone_s`."""
    times = ServiceTimes(1)
    times.began(0.0)
    times.ended(1000, 10, 1000 * unit_s, 1000 * unit_s, answered=True, backlog=True)
    if lone_s is not None:
        times.began(100.0)
        times.ended(lone_cost, 1, lone_s, 100.0 + lone_s, answered=True, backlog=False)
    return times


def test_a_call_may_cost_anything_before_one_was_seen():
    assert CallSize(ServiceTimes(1)).budget(0.0, beside_others=False) > 2**60


@pytest.mark.parametrize(
    ("unit_s", "lone_s", "usual_s", "small_s"),
    [(0.0001, 0.05, 8 * 0.05, 0.05 + 0.01), (0.00001, 0.001, USUAL.least_s, SMALL.least_s)],
)
def test_a_call_takes_a_few_times_what_a_lone_text_takes_and_less_beside_others(unit_s, lone_s, usual_s, small_s):
    size = CallSize(times_of(unit_s, lone_s))
    assert size.budget(0.0, beside_others=False) == pytest.approx(usual_s / unit_s, rel=0.01)
    assert size.budget(0.0, beside_others=True) == pytest.approx(small_s / unit_s, rel=0.01)
    size.shrink(5.0)
    assert size.budget(5.0 + SMALL_FOR_S - 1, beside_others=False) == pytest.approx(small_s / unit_s, rel=0.01)
    assert size.budget(5.0 + SMALL_FOR_S, beside_others=False) == pytest.approx(usual_s / unit_s, rel=0.01)


@pytest.mark.parametrize(("lone_s", "lone_cost"), [(None, 0), (0.1, 100), (0.012, 10), (0.01, 100), (0.001, 1)])
def test_calls_of_a_slow_model_hold_several_texts_whichever_text_alone_was_seen_or_none(lone_s, lone_cost):
    size = CallSize(times_of(0.001, lone_s, lone_cost))  # a text among others took 100 ms
    usual, small = size.budget(0.0, beside_others=False), size.budget(0.0, beside_others=True)
    assert 8 * 90 <= usual <= 8 * 110
    assert 90 <= small <= 110


def test_calls_hold_what_takes_as_long_as_texts_of_their_length_where_a_longer_one_was_alone():
    times = times_of(0.001, lone_s=10.0, lone_cost=10_000)
    for number in range(400):
        now_s = 200.0 + number * 0.1
        times.began(now_s)
        times.ended(100, 10, 0.1, now_s + 0.1, answered=True, backlog=True)
    assert CallSize(times).budget(500.0, beside_others=False) == pytest.approx(8 * 10, rel=0.05)


def test_a_pause_is_rare_among_those_who_do_not_pause():
    arrivals, now_s = Arrivals(), 0.0
    for _ in range(300):
        for busy in range(8):
            arrivals.paused(busy, now_s)
            arrivals.answered(busy, 0.01, now_s)
        now_s += PAUSE_S / 2
    assert arrivals.pauses_are_rare
    assert not arrivals.paused(0, now_s)
    assert arrivals.paused("never seen", now_s)
    assert arrivals.paused(0, now_s + 1)


def test_who_waited_long_for_an_answer_may_take_longer_to_ask_again():
    arrivals = Arrivals()
    arrivals.answered("slow", 4.0, 10.0)
    assert not arrivals.paused("slow", 10.9)
    assert arrivals.paused("slow", 11.1)


def test_pauses_are_not_rare_where_all_pause():
    arrivals = Arrivals()
    for number in range(1000):
        assert arrivals.paused(number % 9, float(number))
        assert not arrivals.pauses_are_rare


def test_flows_are_remembered_up_to_a_number():
    arrivals = Arrivals()
    for flow in range(MAX_FLOWS + 9):
        arrivals.answered(flow, 0.0, 0.0)
    assert len(arrivals._busy_until_s) == MAX_FLOWS


def test_a_text_costs_its_tokens_up_to_what_the_model_reads_and_its_bytes():
    short, long = Item(b"x" * 400), Item(b"x" * 128_000)
    assert cost_of(short, 256) == BASE + 100 + 12
    assert cost_of(long, 256) == BASE + 256 + 4000
    assert cost_of(long, None) == BASE + 32_000 + 4000, "read in windows"
    assert cost_of(Item(b"x" * 200, b"x" * 200), 256) == cost_of(short, 256)
    assert cost_of(Item(b""), 256) == BASE
