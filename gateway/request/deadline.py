"""A deadline that can move out: work that is shared lasts as long as its most patient waiter."""

from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Deadline:
    """A time of the event loop's clock, seconds."""

    at_s: float

    def extend(self, at_s: float) -> None:
        """Move out to `at_s` if that is later."""
        self.at_s = max(self.at_s, at_s)
