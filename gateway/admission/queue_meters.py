"""What is measured of the queue of one version."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from gateway.observability import metrics
from gateway.request.priority import Priority


class Counts(NamedTuple):
    """How many texts wait by priority, how many are in flight, and how many may be."""

    waiting: Mapping[Priority, int]
    in_flight: int
    limit: int


class QueueMeters:
    """The metrics of one version; `counts` returns what is so now.

    Two lanes may have the same labels for a while, so gauges are changed and not set.
    """

    def __init__(self, model: str, version: int, counts: Callable[[], Counts]) -> None:
        labels = (model, version)
        self._counts, self._last = counts, Counts(dict.fromkeys(Priority, 0), 0, 0)
        self._pending, self._limit = metrics.PENDING.labels(*labels), metrics.LIMIT.labels(*labels)
        self._queued = {priority: metrics.QUEUED.labels(*labels, _name(priority)) for priority in Priority}
        self._wait = {priority: metrics.QUEUE_SECONDS.labels(*labels, _name(priority)) for priority in Priority}
        self._shed = {priority: metrics.SHED.labels(*labels, _name(priority)) for priority in Priority}
        self._expired = metrics.EXPIRED.labels(*labels)

    def expired(self) -> None:
        """An item was dropped before its call, since its result would have come too late."""
        self._expired.inc()

    def shed(self, priority: Priority, items: int) -> None:
        """So many items were refused, or were shed for others."""
        self._shed[priority].inc(items)

    def waited(self, priority: Priority, seconds: float) -> None:
        """A call begins whose longest-waiting item waited for so long."""
        self._wait[priority].observe(seconds)

    def changed(self) -> None:
        """Bring the gauges up to date."""
        now, last = self._counts(), self._last
        self._last = now
        if (before := _held(last)) != (held := _held(now)):
            self._pending.inc(held - before)
        for priority, gauge in self._queued.items():
            if now.waiting[priority] != last.waiting[priority]:
                gauge.inc(now.waiting[priority] - last.waiting[priority])
        if now.limit != last.limit:
            self._limit.set(now.limit)


def _name(priority: Priority) -> str:
    return priority.name.lower()


def _held(counts: Counts) -> int:
    return counts.in_flight + sum(counts.waiting.values())
