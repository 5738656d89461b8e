"""The answers of a load test by who gave them. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from loadtest.results.percentiles import latency_curve, summarize_latency
from loadtest.results.recording import Recording


@dataclass(frozen=True, slots=True)
class Group:
    """The requests that one version of a model answered under one variant.

    The variant is empty outside an experiment. Another server than Headrace tells neither version
    nor variant (both are empty) nor hits (None).
    """

    model: str
    version: str
    variant: str
    requests: int
    cache_hit_rate: float | None
    latency_ms: dict[str, float] | None
    latency_curve: list[tuple[float, float]]


def groups_of(seen: Recording, *, is_told: bool = True) -> list[Group]:
    """The groups of a recording, by model, version and variant.

    `is_told`: the server tells hits.
    """
    return [
        Group(
            *key,
            group.requests,
            group.hits / group.texts if is_told else None,
            summarize_latency(group.latency),
            latency_curve(group.latency),
        )
        for key, group in sorted(seen.groups.items())
    ]


def count_by_version(groups: Iterable[Group]) -> dict[str, int]:
    """Good answers by the version that gave them; those whose version is not known are left out."""
    counts: Counter[str] = Counter()
    for group in groups:
        if group.version:
            counts[group.version] += group.requests
    return dict(counts)
