"""Admission: permits for texts that may wait for one version; without a permit a request is shed at once."""

from gateway.errors import Overloaded


class Limiter:
    """Counts permits; the limit is fixed."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    def __repr__(self) -> str:
        return f"<Limiter {self.held} of {self.limit}>"

    def admit(self, permits: int) -> None:
        """Take permits.

        Raises:
            Overloaded: fewer are free; none is taken.
        """
        if self.held + permits > self.limit:
            raise Overloaded(f"{self.held} texts wait for this version already, at most {self.limit} may; try again later")
        self.held += permits

    def release(self) -> None:
        """Give one permit back."""
        self.held -= 1
