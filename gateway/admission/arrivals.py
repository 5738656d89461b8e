"""Tells clients that ask now and then from those that ask again and again. Pure."""

from collections import OrderedDict
from collections.abc import Hashable
from math import inf

PAUSE_S, PAUSE_SHARE = 0.02, 0.25
"""A client that asks again so soon after its answer was waiting for it to ask again.

So soon is within so many seconds, or such a share of the time that the answer took.
"""
MAX_FLOWS = 4096
RARE = 0.25
"""Requests after a pause are rare up to this share of all requests."""
WEIGHT = 0.02
"""The weight of the newest request in that share."""


class Arrivals:
    """Until when each flow would ask again without a pause, for as many flows as are remembered."""

    def __init__(self) -> None:
        self._busy_until_s: OrderedDict[Hashable, float] = OrderedDict()
        self._share = 1.0

    @property
    def pauses_are_rare(self) -> bool:
        """Whether most requests come without a pause."""
        return self._share < RARE

    def paused(self, flow: Hashable, now_s: float) -> bool:
        """Whether a request that comes now comes after a pause."""
        paused = now_s > self._busy_until_s.get(flow, -inf)
        self._share += WEIGHT * (paused - self._share)
        return paused

    def answered(self, flow: Hashable, took_s: float, now_s: float) -> None:
        """A flow got an answer that took so long."""
        self._busy_until_s[flow] = now_s + max(PAUSE_S, PAUSE_SHARE * took_s)
        self._busy_until_s.move_to_end(flow)
        if len(self._busy_until_s) > MAX_FLOWS:
            self._busy_until_s.popitem(last=False)
