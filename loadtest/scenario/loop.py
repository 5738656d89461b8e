"""Open and closed loops: requests start at their own times, or once those before are answered."""

import math
from dataclasses import dataclass
from typing import ClassVar

from loadtest.arrivals.process import Arrivals


class LoopError(ValueError):
    """A loop that cannot be run as asked; the message names the field and its bounds."""


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """`users` that each send their next request as soon as they have an answer.

    The loop slows down with the system, and so hides how queues grow.
    """

    users: int
    kind: ClassVar[str] = "closed"

    def __post_init__(self) -> None:
        if self.users < 1:
            raise LoopError("users must be at least 1")


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """Requests that start when `arrivals` says, whatever became of those before.

    At most `max_in_flight` requests are in flight at a time over all workers. Arrivals beyond that
    wait (they are late), and are dropped after `max_late_s` seconds.
    """

    arrivals: Arrivals
    max_in_flight: int = 1000
    max_late_s: float = 5.0
    kind: ClassVar[str] = "open"

    def __post_init__(self) -> None:
        if self.max_in_flight < 1:
            raise LoopError("max_in_flight must be at least 1")
        if not 0 <= self.max_late_s < math.inf:
            raise LoopError("max_late_s must be 0 seconds or more")


Loop = ClosedLoop | OpenLoop
