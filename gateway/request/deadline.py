"""The deadline of shared work, which is the latest of its waiters' deadlines."""

from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Deadline:
    """A time of the event loop's clock, seconds.

    `met` is true from when the work was begun in time: it is done then, whoever waits for it.
    """

    at_s: float
    met: bool = False

    def extend(self, at_s: float) -> None:
        """Extend it to `at_s` if that is later."""
        self.at_s = max(self.at_s, at_s)
