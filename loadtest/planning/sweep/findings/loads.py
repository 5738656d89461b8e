"""What a configuration did over all of its repetitions, at each rate. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from loadtest.planning.sweep.point import FIXED, BatchFigures, Point
from loadtest.results.histogram import merged
from loadtest.results.percentiles import summarize_latency
from loadtest.results.results import Results
from loadtest.slo import Slo

SPREAD = ("p50", "p95", "p99")


@dataclass(frozen=True, slots=True)
class Load:
    """All runs at one rate taken together.

    `counted` of the `runs` say something of the system; the generator was behind, or missed the SLO
    short of CPU, in `generator_behind`, and other work had too much of the machine in `disturbed`.
    `passed` of those that count kept the SLO; `holds`: more than half of them did, None where none
    counts. `misses` are the objectives that they did not keep, a phrase each. `sustained`: in more
    than half of the runs the system answered as much as was offered. Means, and `latency_ms` over
    all requests, are None where no request ended or nothing was watched; `latency_ms_range` has the
    least and the greatest of the runs' percentiles. `batch_sizes` counts Triton's batches by their
    texts; `cpu_s_per_request` has CPU seconds by part.
    """

    rate_rps: float
    fixed: bool
    runs: int
    counted: int
    passed: int
    holds: bool | None
    misses: list[str]
    sustained: bool
    generator_behind: int
    disturbed: int
    requests: int
    failures: int
    dropped: int
    throughput_rps: float | None
    texts_per_s: float | None
    latency_ms: Mapping[str, float] | None
    latency_ms_range: Mapping[str, tuple[float, float]] | None
    cache_hit_rate: float | None
    mean_batch_texts: float | None
    mean_call_texts: float | None
    mean_queue_ms: float | None
    batch_sizes: Mapping[int, int]
    cpu_s_per_request: Mapping[str, float] | None
    generator_cpu_share: float | None


def by_rate(points: Sequence[Point], slo: Slo) -> list[Load]:
    """What was seen at each rate, in the order of the rates."""
    rates = sorted({point.rate_rps for point in points})
    return [_at(rate, [point for point in points if point.rate_rps == rate], slo) for rate in rates]


def _at(rate_rps: float, points: Sequence[Point], slo: Slo) -> Load:
    trials = [point.trial(slo) for point in points]
    counted = [trial for trial in trials if trial.counts]
    seen = [point.results for point in points if point.results is not None]
    return Load(
        rate_rps=rate_rps,
        fixed=any(point.kind == FIXED for point in points),
        runs=len(points),
        counted=len(counted),
        passed=sum(trial.passed for trial in counted),
        holds=_mostly([trial.passed for trial in counted]) if counted else None,
        misses=sorted({miss for trial in counted for miss in trial.misses}),
        sustained=_mostly([point.sustained for point in points]),
        generator_behind=sum(not trial.kept_up or (trial.strained and not trial.passed) for trial in trials),
        disturbed=sum(results.disturbed for results in seen),
        requests=sum(results.requests.ended for results in seen),
        failures=sum(results.requests.failed for results in seen),
        dropped=sum(results.requests.dropped for results in seen),
        throughput_rps=_mean([results.throughput.answered_rps for results in seen]),
        texts_per_s=_mean([results.throughput.texts_per_s for results in seen]),
        latency_ms=merged_latency_ms(seen),
        latency_ms_range=_range(seen),
        cache_hit_rate=_mean([results.hits.rate for results in seen]),
        mean_batch_texts=_mean_of_batches(points, lambda batches: batches.mean_batch_texts),
        mean_call_texts=_mean_of_batches(points, lambda batches: batches.mean_call_texts),
        mean_queue_ms=_mean_of_batches(points, lambda batches: batches.mean_queue_ms),
        batch_sizes=_sizes(points),
        cpu_s_per_request=_cpu(points),
        generator_cpu_share=_mean([results.generators.cpu_share for results in seen]),
    )


def merged_latency_ms(seen: Sequence[Results]) -> dict[str, float] | None:
    """Percentiles over all requests of several runs."""
    return summarize_latency(merged(results.latency.decode() for results in seen if results.latency.summary_ms is not None))


def _range(seen: Sequence[Results]) -> dict[str, tuple[float, float]] | None:
    """The least and the greatest of each percentile over the runs."""
    latencies = [results.latency.summary_ms for results in seen if results.latency.summary_ms is not None]
    if not latencies:
        return None
    return {name: (min(found[name] for found in latencies), max(found[name] for found in latencies)) for name in SPREAD}


def _sizes(points: Sequence[Point]) -> dict[int, int]:
    """How many batches of each size Triton ran."""
    total: dict[int, int] = {}
    for batches in (point.batches for point in points if point.batches is not None):
        for size, count in batches.sizes.items():
            total[size] = total.get(size, 0) + count
    return dict(sorted(total.items()))


def _cpu(points: Sequence[Point]) -> dict[str, float] | None:
    spent = [point.cpu_s_per_request for point in points if point.cpu_s_per_request is not None]
    return {part: fmean(one[part] for one in spent) for part in spent[0]} if spent else None


def _mean_of_batches(points: Sequence[Point], figure: Callable[[BatchFigures], float | None]) -> float | None:
    return _mean([figure(point.batches) for point in points if point.batches is not None])


def _mean(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return fmean(there) if there else None


def _mostly(values: Sequence[bool]) -> bool:
    return sum(values) * 2 > len(values)
