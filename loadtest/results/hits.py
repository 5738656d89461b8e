"""The repeats that a load test sent, and the texts that came from the cache. Pure."""

from dataclasses import dataclass

from loadtest.results.recording import Recording
from loadtest.workload.expectation import expected_hit_rate
from loadtest.workload.workload import Workload


@dataclass(frozen=True, slots=True)
class Hits:
    """Shares of texts, from 0 to 1.

    `rate` came from the cache and `repeats_answered` were repeats, both of the texts that were
    answered well (None where none was). `repeats_sent` were repeats of all texts that were sent,
    and `expected` is the hit rate that the scenario leads one to expect. `by_status` counts the
    good answers by what `X-Cache` said. Nothing is known of a cache of another server than
    Headrace: `rate` and `expected` are None then, and `by_status` is empty.
    """

    rate: float | None
    expected: float | None
    repeats_sent: float
    repeats_answered: float | None
    by_status: dict[str, int]


def hits_of(seen: Recording, workload: Workload, *, is_told: bool = True) -> Hits:
    """The hits of a recording of this workload; `is_told`: the server tells them."""
    texts = seen.texts_answered
    groups = seen.groups.values()
    expected = expected_hit_rate(workload, seen.offered if workload.trace is not None else seen.started) if seen.started else 0.0
    return Hits(
        rate=sum(group.hits for group in groups) / texts if texts and is_told else None,
        expected=expected if is_told else None,
        repeats_sent=seen.repeats / max(seen.texts, 1),
        repeats_answered=sum(group.repeats for group in groups) / texts if texts else None,
        by_status=dict(seen.cache.most_common()) if is_told else {},
    )
