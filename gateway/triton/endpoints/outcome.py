"""How a call to an endpoint ended, as far as the endpoint's health is concerned. Pure.

| outcome | the breaker counts it as | the record counts it as |
| --- | --- | --- |
| answered | answered | answered, with its time |
| refused | answered | – |
| broken | answered | failed |
| late | silent | failed |
| unreachable | failed | – |
| withdrawn | withdrawn | – |
"""

from enum import Enum

from gateway.errors import BackendBroken, DeadlineExceeded, GatewayError, Unreachable


class Outcome(Enum):
    """What a call says of its endpoint."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """An error that says nothing against the endpoint, such as a full queue."""
    BROKEN = "broken"
    """An answer that breaks the contract."""
    LATE = "late"
    """No answer in the call's time."""
    UNREACHABLE = "unreachable"
    """No connection, or one that broke."""
    WITHDRAWN = "withdrawn"
    """The call was given up: its caller left, or the breaker opened meanwhile."""


def outcome_of(error: GatewayError) -> Outcome:
    """The outcome of a call that ended with an error."""
    match error:
        case Unreachable():
            return Outcome.UNREACHABLE
        case DeadlineExceeded():
            return Outcome.LATE
        case BackendBroken():
            return Outcome.BROKEN
    return Outcome.REFUSED
