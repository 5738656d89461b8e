import pytest

from gateway.admission.aimd import AimdLimit, Outcome
from gateway.admission.in_flight import QUIET_AFTER_S, InFlight
from gateway.request.priority import Priority

INTERACTIVE, BATCH = Priority


def in_flight_of(limit=100, batch_share=0.5):
    return InFlight(AimdLimit(limit, limit, target_s=1.0), batch_share)


def test_there_is_room_for_as_many_texts_as_the_limit_says_and_for_so_many_calls():
    flights = in_flight_of(limit=10)
    assert flights.room(INTERACTIVE, 0.0, max_calls=2) == 10
    flights.began(INTERACTIVE, 8)
    assert flights.room(INTERACTIVE, 0.0, max_calls=2) == 2
    assert flights.room(INTERACTIVE, 0.0, max_calls=1) == 0
    flights.began(INTERACTIVE, 2)
    assert flights.room(INTERACTIVE, 0.0, max_calls=3) == 0
    flights.ended(INTERACTIVE, 8, Outcome.SUCCESS, 0.0, 0.1)
    assert (flights.calls, flights.texts, flights.room(INTERACTIVE, 0.1, max_calls=2)) == (1, 2, 8)


@pytest.mark.parametrize(("share", "calls"), [(0.5, 2), (0.25, 1), (0.1, 1), (1.0, 4)])
def test_batch_work_holds_its_share_of_the_calls_beside_interactive_work_and_one_at_least(share, calls):
    flights = in_flight_of(batch_share=share)
    flights.asked(INTERACTIVE, 0.0)
    begun = 0
    while flights.room(BATCH, 1.0, max_calls=4):
        flights.began(BATCH, 1)
        begun += 1
    assert begun == calls
    assert flights.room(INTERACTIVE, 1.0, max_calls=4) == (0 if share == 1 else 100 - calls)


def test_batch_work_holds_its_share_of_the_texts_beside_interactive_work():
    flights = in_flight_of(limit=100, batch_share=0.5)
    flights.began(INTERACTIVE, 10)
    flights.asked(INTERACTIVE, 0.0)
    assert flights.room(BATCH, 1.0, max_calls=9) == 50
    flights.began(BATCH, 50)
    assert flights.room(BATCH, 1.0, max_calls=9) == 0
    assert flights.room(INTERACTIVE, 1.0, max_calls=9) == 40


def test_batch_work_may_hold_all_while_there_is_no_interactive_work():
    flights = in_flight_of()
    flights.began(BATCH, 1)
    flights.began(BATCH, 1)
    assert flights.room(BATCH, 0.0, max_calls=3) == 98
    flights.asked(INTERACTIVE, 0.0)
    assert flights.room(BATCH, QUIET_AFTER_S - 0.1, max_calls=3) == 0
    assert flights.room(BATCH, QUIET_AFTER_S, max_calls=3) == 98


def test_batch_work_that_had_to_wait_at_the_model_server_does_not_lower_the_limit():
    flights = InFlight(AimdLimit(64, 1024, target_s=1.0), 0.5)
    flights.limit.value = 1000
    flights.began(BATCH, 1)
    flights.began(INTERACTIVE, 1)
    flights.ended(BATCH, 1, Outcome.SUCCESS, 0.0, 60.0)
    assert flights.limit.value == 1000
    flights.ended(INTERACTIVE, 1, Outcome.SUCCESS, 0.0, 60.0)
    assert flights.limit.value == 500
