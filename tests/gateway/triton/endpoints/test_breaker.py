from gateway.triton.endpoints.breaker import FAILURES_TO_OPEN, LONGEST_REST_S, REST_S, Breaker, State


def opened(now_s=0.0):
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed(now_s)
    return breaker


def half_opened():
    breaker = opened()
    breaker.probed(REST_S)
    return breaker


def test_a_few_failures_in_a_row_open_it_and_an_answer_between_them_does_not():
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed(0.0)
    breaker.answered()
    breaker.failed(0.0)
    assert breaker.lets_through
    assert not opened().lets_through


def test_silence_of_a_call_that_may_have_had_little_time_opens_nothing():
    breaker = Breaker()
    for _ in range(10):
        breaker.silent(0.0)
    assert breaker.state is State.CLOSED


def test_an_open_one_waits_for_its_rest_and_for_a_probe():
    breaker = opened()
    assert breaker.reopens_in_s(0.1) == REST_S - 0.1
    breaker.probed(REST_S / 2)
    assert breaker.state is State.OPEN
    breaker.failed(REST_S)
    assert breaker.state is State.OPEN
    breaker.probed(REST_S)
    assert (breaker.state, breaker.reopens_in_s(REST_S)) == (State.HALF_OPEN, 0.0)


def test_a_half_open_one_is_tried_by_one_call_at_a_time():
    breaker = half_opened()
    assert breaker.lets_through
    breaker.began()
    assert not breaker.lets_through
    breaker.withdrawn()
    assert breaker.lets_through
    breaker.began()
    breaker.answered()
    assert (breaker.state, breaker.lets_through) == (State.CLOSED, True)


def test_a_trial_that_fails_or_stays_silent_opens_it_for_twice_as_long():
    for ending in (Breaker.failed, Breaker.silent):
        breaker = half_opened()
        breaker.began()
        ending(breaker, 1.0)
        assert (breaker.state, breaker.reopens_in_s(1.0)) == (State.OPEN, 2 * REST_S)


def test_the_rest_is_bounded_and_short_again_after_an_answer():
    breaker, now_s = opened(), 0.0
    for _ in range(10):
        now_s += LONGEST_REST_S
        breaker.probed(now_s)
        breaker.failed(now_s)
    assert breaker.reopens_in_s(now_s) == LONGEST_REST_S
    breaker.answered()
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed(now_s)
    assert breaker.reopens_in_s(now_s) == REST_S
