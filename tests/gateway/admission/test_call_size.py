"""How much a call may cost, who counts as asking now and then, and what a text costs."""

import pytest

from gateway.admission.arrivals import MAX_FLOWS, PAUSE_S, Arrivals
from gateway.admission.call_size import SMALL, SMALL_FOR_S, USUAL, CallSize
from gateway.admission.cost import BASE, cost_of
from gateway.admission.service_times import ServiceTimes
from gateway.request.prediction import Item


def times_of(unit_s, lone_s=None):
    times = ServiceTimes(1)
    times.began(0.0)
    times.ended(1000, 9, 1000 * unit_s, 1000 * unit_s, answered=True, backlog=True)
    if lone_s is not None:
        times.began(100.0)
        times.ended(1, 1, lone_s, 100.0 + lone_s, answered=True, backlog=False)
    return times


def test_a_call_may_cost_anything_before_one_was_seen():
    assert CallSize(ServiceTimes(1)).budget(0.0, beside_others=False) > 2**60


@pytest.mark.parametrize(("lone_s", "usual_s", "small_s"), [(0.1, 0.1 * USUAL.times_lone, 0.1), (0.0001, USUAL.least_s, SMALL.least_s)])
def test_a_call_takes_a_few_times_what_a_lone_text_takes_and_less_beside_others(lone_s, usual_s, small_s):
    size = CallSize(times_of(0.0001, lone_s))
    assert size.budget(0.0, beside_others=False) == pytest.approx(usual_s / 0.0001, rel=0.01)
    assert size.budget(0.0, beside_others=True) == pytest.approx(small_s / 0.0001, rel=0.01)
    size.shrink(5.0)
    assert size.budget(5.0 + SMALL_FOR_S - 1, beside_others=False) == pytest.approx(small_s / 0.0001, rel=0.01)
    assert size.budget(5.0 + SMALL_FOR_S, beside_others=False) == pytest.approx(usual_s / 0.0001, rel=0.01)


def test_calls_of_a_slow_model_hold_several_texts_before_one_text_alone_was_seen():
    size = CallSize(times_of(0.001))  # the nine texts took 111 ms each, more than `least_s`
    assert size.budget(0.0, beside_others=False) == int(USUAL.times_lone * 1000 / 9)
    assert size.budget(0.0, beside_others=True) == int(SMALL.times_lone * 1000 / 9)


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
