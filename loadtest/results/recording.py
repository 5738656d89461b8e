"""All that generators saw of a load test, in counts and histograms.

The size of a recording does not grow with the requests, and recordings add up.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

from loadtest.results.histogram import Histogram
from loadtest.results.interval import Interval
from loadtest.results.outcome import Outcome, count_hits

COUNTS = ("offered", "started", "failures", "late", "behind", "dropped", "reconnects", "texts", "repeats")
"""The fields of a recording that are plain sums."""


@dataclass(slots=True)
class GroupRecord:
    """Good answers of one model, version and variant.

    `latency` counts from the intended start, `service` from the real one.
    """

    requests: int = 0
    texts: int = 0
    repeats: int = 0
    hits: int = 0
    latency: Histogram = field(default_factory=Histogram)
    service: Histogram = field(default_factory=Histogram)

    def add(self, other: Self) -> None:
        """Add what another generator saw."""
        self.requests += other.requests
        self.texts += other.texts
        self.repeats += other.repeats
        self.hits += other.hits
        self.latency.add(other.latency)
        self.service.add(other.service)


class Recording:
    """What was offered, sent, answered and failed.

    Times are seconds since the beginning of the load.
    """

    def __init__(self) -> None:
        self.offered = self.started = self.failures = 0
        self.late = self.behind = self.dropped = self.reconnects = 0
        self.texts = self.repeats = 0
        self.groups: dict[tuple[str, str, str], GroupRecord] = {}
        self.cache: Counter[str] = Counter()
        self.faults: Counter[tuple[int, str]] = Counter()
        self.lateness = Histogram()
        self._open: dict[int, Interval] = {}
        self._closed: dict[int, dict[str, Any]] = {}

    @property
    def answered(self) -> int:
        """Requests that were answered well."""
        return sum(group.requests for group in self.groups.values())

    @property
    def requests(self) -> int:
        """Requests that ended, well or not."""
        return self.answered + self.failures

    @property
    def texts_answered(self) -> int:
        """Texts of the requests that were answered well."""
        return sum(group.texts for group in self.groups.values())

    def offer(self, intended_s: float) -> None:
        """Count a request that is due."""
        self.offered += 1
        self._at(intended_s).offered += 1

    def start(self, intended_s: float, started_s: float, *, late: bool = False, behind: bool = False) -> None:
        """Count a request that is sent.

        `late`: it waited while as many requests were in flight as may be. `behind`: the generator
        was not in time.
        """
        self.started += 1
        self.late += late
        self.behind += behind
        self.lateness.record_s(started_s - intended_s)
        self._at(started_s).started += 1
        if late:
            self._at(intended_s).late += 1

    def drop(self, intended_s: float) -> None:
        """Count a request that is never sent, since it waited too long."""
        self.dropped += 1
        self._at(intended_s).dropped += 1

    def end(self, intended_s: float, started_s: float, ended_s: float, texts: int, repeats: int, outcome: Outcome) -> None:
        """Count a request that ended, well or not."""
        interval = self._at(ended_s)
        self.texts += texts
        self.repeats += repeats
        if outcome.fault:
            self.failures += 1
            self.faults[outcome.status, outcome.fault] += 1
            interval.failed += 1
            return
        hits = count_hits(outcome.cache, texts, repeats)
        key = (outcome.model, outcome.version, outcome.variant)
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = GroupRecord()
        group.requests += 1
        group.texts += texts
        group.repeats += repeats
        group.hits += hits
        group.latency.record_s(ended_s - intended_s)
        group.service.record_s(ended_s - started_s)
        self.cache[outcome.cache or "none"] += 1
        interval.answered += 1
        interval.texts += texts
        interval.hits += hits
        interval.latency.record_s(ended_s - intended_s)
        interval.service.record_s(ended_s - started_s)

    def intervals(self) -> dict[int, Interval]:
        """The seconds in which anything happened, by their number."""
        everything = {second: Interval.from_dict(values) for second, values in self._closed.items()}
        for second, interval in self._open.items():
            _merge_into(everything, second, interval)
        return dict(sorted(everything.items()))

    def compact(self, now_s: float) -> None:
        """Encode the seconds that are over for good, so that a long run needs little memory."""
        for second in [second for second in self._open if second < int(now_s) - 1 and second not in self._closed]:
            self._closed[second] = self._open.pop(second).to_dict()

    def restore(self, intervals: dict[int, Interval]) -> None:
        """Replace the seconds that were seen by these."""
        self._open, self._closed = dict(intervals), {}

    def add(self, other: Self) -> None:
        """Add what another generator saw."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for key, group in other.groups.items():
            self.groups.setdefault(key, GroupRecord()).add(group)
        self.cache += other.cache
        self.faults += other.faults
        self.lateness.add(other.lateness)
        seconds = self.intervals()
        for second, interval in other.intervals().items():
            _merge_into(seconds, second, interval)
        self.restore(seconds)

    def _at(self, time_s: float) -> Interval:
        second = max(int(time_s), 0)
        interval = self._open.get(second)
        if interval is None:
            interval = self._open[second] = Interval()
        return interval


def _merge_into(seconds: dict[int, Interval], second: int, interval: Interval) -> None:
    seconds.setdefault(second, Interval()).add(interval)
