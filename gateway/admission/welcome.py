"""Which requests go before others."""

from collections.abc import Hashable

from gateway.admission.arrivals import Arrivals
from gateway.admission.call_size import CallSize


def is_welcome(arrivals: Arrivals, size: CallSize, flow: Hashable, now_s: float, *, is_contended: bool) -> bool:
    """Whether a new request goes before those who bring far more or keep asking.

    It is of somebody who asks for little, or now and then. It waits for one short call of theirs at
    most: where others hold far more (`is_contended`) or keep asking, calls are made small.
    """
    paused = arrivals.paused(flow, now_s)
    if is_contended or (paused and arrivals.pauses_are_rare):
        size.shrink(now_s)
        return True
    return paused and size.is_small(now_s)
