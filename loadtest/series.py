"""A load test over time: equally wide slices from the start to the end."""

from collections.abc import Iterable
from dataclasses import dataclass

from loadtest.percentiles import percentile
from loadtest.samples import Sample

MIN_SLICES, MAX_SLICES = 8, 60


@dataclass(frozen=True, slots=True)
class Slice:
    """What happened between `start_s` and the next slice. Latencies are of good answers; None where there was none."""

    start_s: float
    throughput_rps: float
    failures_per_s: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    cache_hit_rate: float | None


def slice_over_time(samples: Iterable[Sample], elapsed_s: float, batch_size: int) -> list[Slice]:
    """Cut a load test into slices of about a second (at least 8, at most 60); a request belongs to where its answer came."""
    count = min(max(int(elapsed_s), MIN_SLICES), MAX_SLICES)
    width_s = elapsed_s / count
    slices: list[list[Sample]] = [[] for _ in range(count)]
    for sample in samples:
        slices[min(int(sample.ended_s / width_s), count - 1)].append(sample)
    return [_summarize(samples, index * width_s, width_s, batch_size) for index, samples in enumerate(slices)]


def _summarize(samples: list[Sample], start_s: float, width_s: float, batch_size: int) -> Slice:
    good = [sample for sample in samples if not sample.outcome.failed]
    ordered = sorted(sample.latency_ms for sample in good)
    p50, p95, p99 = (percentile(ordered, quantile) if ordered else None for quantile in (0.5, 0.95, 0.99))
    hit_rate = sum(sample.hits for sample in good) / (len(good) * batch_size) if good else None
    return Slice(start_s, len(good) / width_s, (len(samples) - len(good)) / width_s, p50, p95, p99, hit_rate)
