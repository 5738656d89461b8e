"""How late requests started, and why. Pure."""

from dataclasses import dataclass

from loadtest.results.percentiles import summarize_latency
from loadtest.results.recording import Recording


@dataclass(frozen=True, slots=True)
class Lateness:
    """From the intended start of requests to the real one.

    `late` requests waited because as many were in flight as may be, `behind` requests because the
    generator was not in time. `summary_ms` is of all that started, None where none did.
    """

    late: int
    behind: int
    summary_ms: dict[str, float] | None


def lateness_of(seen: Recording) -> Lateness:
    """The lateness of a recording."""
    return Lateness(late=seen.late, behind=seen.behind, summary_ms=summarize_latency(seen.lateness))
