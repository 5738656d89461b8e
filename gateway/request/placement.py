"""Where a request was placed: the version that answers it, and the arm of an experiment that it
counts in.
"""

from typing import NamedTuple


class Placement(NamedTuple):
    """The version that answers, 0 where there is none; without an experiment the rest is empty.

    `variant` is the arm that the unit was assigned to, which is also the arm that it counts in.
    Where that arm's version is not ready, `fallback` is true and `model` and `version` are the
    control's: units that left the counts only while their arm was down would make the arms unequal.
    `unit_hash` is 8 bytes that stand for the unit where its name must not. The gateway names the
    units that are not `identified` itself, a new one for each request, so that nothing can be said
    of them over several requests. With `bypass` the experiment wants the answer computed, whatever
    is cached.
    """

    model: str = ""
    version: int = 0
    experiment: str = ""
    variant: str = ""
    unit_hash: bytes = b""
    identified: bool = False
    fallback: bool = False
    bypass: bool = False


UNPLACED = Placement()
"""Of a request whose model is not known, or not yet."""
