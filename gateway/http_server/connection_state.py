"""The state of a connection: how far the client has sent its present request. Pure.

    HEAD ──head ends──▶ BODY ──request ends──▶ IDLE
                         │                      ▲
                         └─answered─▶ LEFTOVER ─┘ request ends

A further piece leads from IDLE to HEAD. Where one piece brings the end of a request and the head of
the next, the head's end leads from IDLE to BODY. A refusal leads from every state to CLOSED, and so
does the end of the connection.

Each event has a table: the state before it → the state after it. An event cannot happen in a state
that its table lacks.
"""

from collections.abc import Mapping
from enum import IntEnum, auto
from typing import Final


class State(IntEnum):
    """How far the present request has come. (A plain Enum takes three times as long as a key.)"""

    HEAD = auto()
    """Part of a head has come or, on a new connection, nothing."""
    BODY = auto()
    """The head has come, but not the whole request."""
    LEFTOVER = auto()
    """As BODY, but the request is answered already, so nobody reads the rest of it."""
    IDLE = auto()
    """The whole request has come, and no further piece."""
    CLOSED = auto()
    """Nothing more is read: something was refused, or the connection is closed."""


# names of this module, because State.HEAD takes several times as long in Python 3.11
HEAD, BODY, LEFTOVER, IDLE, CLOSED = State

ON_PIECE: Final[Mapping[State, State]] = {HEAD: HEAD, BODY: BODY, LEFTOVER: LEFTOVER, IDLE: HEAD, CLOSED: CLOSED}
"""Bytes have come, and the parser has not seen them yet."""
ON_HEAD_END: Final[Mapping[State, State]] = {HEAD: BODY, IDLE: BODY}
"""The parser has read the last header."""
ON_ANSWERED: Final[Mapping[State, State]] = {BODY: LEFTOVER, LEFTOVER: LEFTOVER}
"""A piece has not ended the request, and the request is answered."""
ON_REQUEST_END: Final[Mapping[State, State]] = {BODY: IDLE, LEFTOVER: IDLE}
"""The parser has read the request's last byte."""

TIMED: Final = frozenset({HEAD, LEFTOVER})
"""In these states the connection's own timer runs.

In BODY whoever reads the body limits its time, and in IDLE uvicorn's keep-alive does.
"""
