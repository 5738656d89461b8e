"""What happened in one second of a load test."""

from dataclasses import dataclass, field, fields
from typing import Any, Self

from loadtest.results.histogram import INTERVAL_DIGITS, Histogram

COUNTS = ("offered", "started", "answered", "failed", "late", "dropped", "texts", "hits")


def _histogram() -> Histogram:
    return Histogram(INTERVAL_DIGITS)


@dataclass(slots=True)
class Interval:
    """The requests of one second.

    `offered`, `late` and `dropped` requests are of the second of their intended start, `started`
    requests of that of their real start, the others of that of their end. `texts` and `hits` (texts
    from the cache) are of good answers, and so are the histograms.
    """

    offered: int = 0
    started: int = 0
    answered: int = 0
    failed: int = 0
    late: int = 0
    dropped: int = 0
    texts: int = 0
    hits: int = 0
    latency: Histogram = field(default_factory=_histogram)
    service: Histogram = field(default_factory=_histogram)

    def add(self, other: Self) -> None:
        """Add what another generator counted in the same second."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.latency.add(other.latency)
        self.service.add(other.service)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; `from_dict` reads them back."""
        return {name: getattr(self, name) for name in COUNTS} | {"latency": self.latency.to_dict(), "service": self.service.to_dict()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """What `to_dict` wrote."""
        histograms = {"latency": Histogram.from_dict(values["latency"]), "service": Histogram.from_dict(values["service"])}
        return cls(**{**{entry.name: values[entry.name] for entry in fields(cls)}, **histograms})
