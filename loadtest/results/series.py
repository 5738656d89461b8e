"""A load test second by second."""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.results.interval import Interval


@dataclass(frozen=True, slots=True)
class Slice:
    """What happened from `start_s` on, within `width_s` seconds.

    The last slice may be up to half a second shorter or longer than a second. `offered`, `late` and
    `dropped` count by the intended start, `started` by the real start, `answered` and `failed` by
    the end. Latencies are of good answers, from the intended start (`service_…`: from the real
    one), exact to 1 %; they are None where there was no good answer.
    """

    start_s: float
    width_s: float
    offered: int
    started: int
    answered: int
    failed: int
    late: int
    dropped: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    service_p50_ms: float | None
    service_p99_ms: float | None
    cache_hit_rate: float | None

    @property
    def throughput_rps(self) -> float:
        """Good answers per second."""
        return self.answered / self.width_s

    @property
    def failures_per_s(self) -> float:
        """Failed requests per second."""
        return self.failed / self.width_s


def seconds_of(intervals: dict[int, Interval], elapsed_s: float) -> list[Interval]:
    """What happened in each second of a load test, also in those in which nothing did.

    What happened after the last whole second counts in the last one. A load that never began has no
    seconds.
    """
    if elapsed_s <= 0:
        return []
    count = max(round(elapsed_s), 1)
    seconds = [Interval() for _ in range(count)]
    for second, interval in intervals.items():
        seconds[min(second, count - 1)].add(interval)
    return seconds


def slice_over_time(seconds: Sequence[Interval], elapsed_s: float) -> list[Slice]:
    """A slice for each of these seconds, which are those of `seconds_of`."""
    count = len(seconds)
    return [_summarize(seen, second, (second + 1 if second + 1 < count else elapsed_s) - second) for second, seen in enumerate(seconds)]


def _summarize(seen: Interval, second: int, width_s: float) -> Slice:
    p50, p95, p99 = seen.latency.quantiles_ms([0.5, 0.95, 0.99]) if seen.answered else (None, None, None)
    service_p50, service_p99 = seen.service.quantiles_ms([0.5, 0.99]) if seen.answered else (None, None)
    return Slice(
        start_s=float(second),
        width_s=width_s,
        offered=seen.offered,
        started=seen.started,
        answered=seen.answered,
        failed=seen.failed,
        late=seen.late,
        dropped=seen.dropped,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        service_p50_ms=service_p50,
        service_p99_ms=service_p99,
        cache_hit_rate=seen.hits / seen.texts if seen.texts else None,
    )
