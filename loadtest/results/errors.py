"""The failed requests of a load test, by what was wrong. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from loadtest.results.recording import Recording


@dataclass(frozen=True, slots=True)
class Fault:
    """Failed requests of one kind; status 0 means that no answer came."""

    status: int
    reason: str
    requests: int


def faults_of(seen: Recording) -> list[Fault]:
    """The faults of a recording, those of most requests first."""
    return [Fault(status, reason, requests) for (status, reason), requests in seen.faults.most_common()]


def count_by_status(faults: Iterable[Fault]) -> dict[str, int]:
    """Failed requests by their status."""
    counts: Counter[str] = Counter()
    for fault in faults:
        counts[str(fault.status)] += fault.requests
    return dict(counts)
