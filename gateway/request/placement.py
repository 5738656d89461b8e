"""Where a request was placed: the version that answers it, and the arms of experiments that it
counts in.
"""

from typing import NamedTuple


class Arm(NamedTuple):
    """The arm of an experiment that a unit was assigned to, and in which epoch.

    `unit_hash` is 8 bytes that stand for the unit where its name must not. The gateway names the
    units that are not `identified` itself, a new one for each request, so that nothing can be said
    of them over several requests. A unit that is not `counted` is no exposure: its variant was
    forced, or another experiment changes the version that it sees, too.
    """

    experiment: str
    variant: str
    epoch: int = 1
    unit_hash: bytes = b""
    identified: bool = False
    counted: bool = True


class Placement(NamedTuple):
    """The version that answers, 0 where there is none; without an experiment the rest is empty.

    The first of the `arms` is the one that chose the version, and the others count beside it. Where
    its version is not ready, `fallback` is true and `model` and `version` are the control's: units
    that left the counts only while their arm was down would make the arms unequal. With `bypass` an
    experiment wants the answer computed, whatever is cached.
    """

    model: str = ""
    version: int = 0
    arms: tuple[Arm, ...] = ()
    fallback: bool = False
    bypass: bool = False

    @property
    def experiment(self) -> str:
        """The key of the experiment that chose the version; empty where none did."""
        return self.arms[0].experiment if self.arms else ""

    @property
    def variant(self) -> str:
        """The name of the variant that chose the version; empty where none did."""
        return self.arms[0].variant if self.arms else ""

    @property
    def exposures(self) -> list[Arm]:
        """The arms in which the unit counts."""
        return [arm for arm in self.arms if arm.counted]


UNPLACED = Placement()
"""Of a request whose model is not known, or not yet."""
