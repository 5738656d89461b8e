import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admission.aimd import AimdLimit, Outcome

TARGET_S = 0.5


def limit_of(value=None, minimum=64, maximum=1024):
    limit = AimdLimit(minimum, maximum, TARGET_S)
    if value is not None:
        limit.value = value
    return limit


def test_a_limit_doubles_with_each_round_of_answers_in_time():
    limit = limit_of()
    assert limit.value == 256
    for _ in range(16):
        limit.sample(Outcome.SUCCESS, 16, 0.0, 0.1, in_flight=256)
    assert limit.value == 512


@pytest.mark.parametrize(("minimum", "maximum", "value"), [(64, 1024, 300), (64, 100, 100), (64, 2, 2), (400, 1024, 400)])
def test_other_bounds_move_a_limit_that_is_outside_them(minimum, maximum, value):
    limit = limit_of(300)
    limit.set_bounds(minimum, maximum)
    assert (limit.minimum, limit.value, limit.maximum) == (min(minimum, maximum), value, maximum)


def test_a_limit_that_is_not_used_does_not_grow():
    limit = limit_of(100)
    limit.sample(Outcome.SUCCESS, 1, 0.0, 0.1, in_flight=49)
    assert limit.value == 100


@pytest.mark.parametrize(("latency_s", "value"), [(0.51, 900), (0.625, 800), (1.0, 500), (9.0, 500)])
def test_a_cut_is_as_deep_as_the_target_was_missed_by(latency_s, value):
    limit = limit_of(1000)
    limit.sample(Outcome.SUCCESS, 1, 0.0, latency_s, in_flight=1000)
    assert limit.value == pytest.approx(value)


def test_a_full_queue_cuts_the_limit_however_soon_it_refused():
    limit = limit_of(1000)
    limit.sample(Outcome.DROPPED, 1, 0.0, 0.01, in_flight=1000)
    assert limit.value == 900


def test_what_began_before_a_cut_does_not_cut_again_and_what_came_after_does():
    limit = limit_of(1000)
    limit.sample(Outcome.SUCCESS, 1, 0.0, 1.0, in_flight=1000)
    limit.sample(Outcome.SUCCESS, 1, 0.9, 1.9, in_flight=1000)
    assert limit.value == 500
    limit.sample(Outcome.SUCCESS, 1, 1.1, 2.1, in_flight=500)
    assert limit.value == 250


def test_after_the_first_cut_a_round_of_answers_wins_a_few_texts():
    limit = limit_of(1000)
    limit.sample(Outcome.SUCCESS, 1, 0.0, 1.0, in_flight=1000)
    for _ in range(500):
        limit.sample(Outcome.SUCCESS, 1, 1.0, 1.4, in_flight=500)
    assert limit.value == pytest.approx(508, abs=0.1)


def test_a_small_limit_does_not_more_than_double_in_a_round():
    limit = limit_of(2, minimum=1)
    limit.sample(Outcome.SUCCESS, 2, 0.0, 1.0, in_flight=2)
    assert limit.value == 1
    limit.sample(Outcome.SUCCESS, 1, 1.0, 1.2, in_flight=1)
    assert limit.value == 2


def test_an_ignored_outcome_says_nothing():
    limit = limit_of(100)
    limit.sample(Outcome.IGNORED, 1, 0.0, 9.0, in_flight=100)
    limit.sample(Outcome.IGNORED, 1, 0.0, 0.1, in_flight=100)
    assert limit.value == 100


@given(st.lists(st.tuples(st.sampled_from(Outcome), st.integers(1, 64), st.floats(0, 10), st.floats(0, 10), st.integers(0, 5000))))
def test_a_limit_stays_within_its_bounds(samples):
    limit, now_s = limit_of(), 0.0
    for outcome, texts, step_s, latency_s, in_flight in samples:
        now_s += step_s
        limit.sample(outcome, texts, now_s - latency_s, now_s, in_flight)
        assert 64 <= limit.value <= 1024


@pytest.mark.parametrize("rate_per_s", [200, 900])
def test_a_saturated_server_is_kept_busy_and_its_latency_near_the_target(rate_per_s):
    """A queue in virtual time: one server, always as many waiting as the limit allows."""
    limit, now_s, waiting, latencies = limit_of(), 0.0, [], []
    for _ in range(rate_per_s * 60):
        while len(waiting) < int(limit.value):
            waiting.append(now_s)
        now_s += 1 / rate_per_s
        admitted_s = waiting.pop(0)
        latencies.append(now_s - admitted_s)
        limit.sample(Outcome.SUCCESS, 1, admitted_s, now_s, len(waiting) + 1)
    settled = sorted(latencies[len(latencies) // 2 :])
    assert settled[int(0.99 * len(settled))] < 1.2 * TARGET_S
    assert settled[len(settled) // 2] > 0.5 * TARGET_S
