"""A deadline that can be extended: shared work has the latest deadline of its waiters."""

from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Deadline:
    """A time of the event loop's clock, seconds."""

    at_s: float

    def extend(self, at_s: float) -> None:
        """Extend it to `at_s` if that is later."""
        self.at_s = max(self.at_s, at_s)
