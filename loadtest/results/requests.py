"""How many requests a load test made, and what became of them. Pure."""

from dataclasses import dataclass

from loadtest.results.recording import Recording


@dataclass(frozen=True, slots=True)
class Requests:
    """Counts of requests: `ended` got an answer or failed, `failed` of those failed.

    `dropped` were due and never sent; they are not among those that ended. `reconnected` went over
    a new connection, since the server had closed the idle one before a byte was sent; no request is
    sent twice.
    """

    ended: int
    failed: int
    dropped: int
    reconnected: int = 0

    @property
    def answered(self) -> int:
        """Requests that were answered well."""
        return self.ended - self.failed

    @property
    def due(self) -> int:
        """Requests that were due, and either ended or were dropped."""
        return self.ended + self.dropped

    @property
    def unanswered(self) -> int:
        """Requests whose caller got no good answer: they failed, or were dropped."""
        return self.failed + self.dropped

    @property
    def error_share(self) -> float:
        """The share of the requests that were due whose caller got no good answer (0 to 1)."""
        return self.unanswered / max(self.due, 1)


def count_requests(seen: Recording) -> Requests:
    """The counts of a recording."""
    return Requests(ended=seen.requests, failed=seen.failures, dropped=seen.dropped, reconnected=seen.reconnects)
