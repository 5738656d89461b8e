"""What the end of a call says about the load. Pure."""

from gateway.admission.aimd import Outcome
from gateway.errors import DeadlineExceeded, InvalidRequest, Overloaded


def outcome_of(fault: Exception | None, *, late: bool) -> Outcome:
    """The outcome of a call that raised `fault`; `late`: it took longer than a call should."""
    if isinstance(fault, Overloaded) or (late and isinstance(fault, DeadlineExceeded)):
        return Outcome.DROPPED
    return Outcome.IGNORED if fault and not isinstance(fault, InvalidRequest) else Outcome.SUCCESS
