"""Recordings as JSON values, in which form they leave the process that made them."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from loadtest.results.histogram import Histogram
from loadtest.results.interval import Interval
from loadtest.results.recording import COUNTS, GroupRecord, Recording


def to_dict(recording: Recording) -> dict[str, Any]:
    """A recording as JSON values; `from_dict` reads them back without loss."""
    return {
        **{name: getattr(recording, name) for name in COUNTS},
        "groups": [
            [*key, group.requests, group.texts, group.repeats, group.hits, group.latency.to_dict(), group.service.to_dict()]
            for key, group in recording.groups.items()
        ],
        "cache": dict(recording.cache),
        "faults": [[status, fault, requests] for (status, fault), requests in recording.faults.items()],
        "lateness": recording.lateness.to_dict(),
        "intervals": [[second, interval.to_dict()] for second, interval in recording.intervals().items()],
    }


def from_dict(values: Mapping[str, Any]) -> Recording:
    """The recording that `to_dict` wrote."""
    recording = Recording()
    for name in COUNTS:
        setattr(recording, name, values[name])
    for model, version, variant, requests, texts, repeats, hits, latency, service in values["groups"]:
        histograms = Histogram.from_dict(latency), Histogram.from_dict(service)
        recording.groups[model, version, variant] = GroupRecord(requests, texts, repeats, hits, *histograms)
    recording.cache = Counter(values["cache"])
    recording.faults = Counter({(status, fault): requests for status, fault, requests in values["faults"]})
    recording.lateness = Histogram.from_dict(values["lateness"])
    recording.restore({second: Interval.from_dict(interval) for second, interval in values["intervals"]})
    return recording
