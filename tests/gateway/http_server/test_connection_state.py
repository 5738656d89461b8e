"""The tables of transitions, as a whole."""

from gateway.http_server.connection_state import (
    BODY,
    CLOSED,
    HEAD,
    IDLE,
    LEFTOVER,
    ON_ANSWERED,
    ON_HEAD_END,
    ON_PIECE,
    ON_REQUEST_END,
    TIMED,
    State,
)

EVENTS = (ON_PIECE, ON_HEAD_END, ON_ANSWERED, ON_REQUEST_END)


def test_every_state_but_closed_can_be_reached_and_closed_cannot_be_left():
    reached = {HEAD}
    for _ in State:
        reached |= {table[state] for table in EVENTS for state in reached & table.keys()}
    assert reached == set(State) - {CLOSED}
    assert {table[CLOSED] for table in EVENTS if CLOSED in table} == {CLOSED}


def test_a_piece_may_come_in_every_state():
    assert ON_PIECE.keys() == set(State)


def test_a_request_passes_from_head_to_body_to_idle():
    assert ON_REQUEST_END[ON_HEAD_END[HEAD]] == ON_REQUEST_END[ON_ANSWERED[ON_HEAD_END[HEAD]]] == IDLE
    assert ON_PIECE[IDLE] == HEAD
    # what has begun does not begin again, and only what has begun ends
    assert ON_HEAD_END.keys() == {HEAD, IDLE}
    assert ON_REQUEST_END.keys() == {BODY, LEFTOVER}


def test_a_state_is_timed_where_nobody_else_limits_its_time():
    assert {BODY, IDLE, CLOSED} == set(State) - TIMED
