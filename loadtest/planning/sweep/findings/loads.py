"""What a configuration did, over all of its repetitions: at each rate, and how high a rate it holds within an SLO. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from loadtest.planning.search.edge import locate
from loadtest.planning.sweep.point import FIXED, results_of, trial_of
from loadtest.results.histogram import EXACT_DIGITS, Histogram, merged
from loadtest.results.percentiles import summarize_latency
from loadtest.results.results import Results
from loadtest.results.verdict import keeps_up
from loadtest.slo import Slo

US_PER_MS = 1000
SPREAD = ("p50", "p95", "p99")
Point = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Capacity:
    """The highest rate within an SLO, requests/s, with its 95 % interval.

    `high_rps` is None where nothing failed: the rate is then the highest that was tried, and what it holds may be more.
    """

    rps: float
    low_rps: float
    high_rps: float | None
    trials: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"rps": self.rps, "low_rps": self.low_rps, "high_rps": self.high_rps, "trials": self.trials}


def capacity(points: Sequence[Point], slo: Slo) -> Capacity | None:
    """How high a rate these runs show to be within the SLO, whichever SLO they were made for; None where no run was within it.

    Runs in which the generator was behind do not count.
    """
    trials = [trial for point in points if (trial := trial_of(point, slo)).kept_up]
    passed = [trial.rate_rps for trial in trials if trial.passed]
    if not passed:
        return None
    if len(passed) == len(trials):
        return Capacity(max(passed), max(passed), None, len(trials))
    half = locate(trials).half
    return Capacity(half.rps, half.low_rps, half.high_rps, len(trials))


def by_rate(points: Sequence[Point], slo: Slo) -> list[dict[str, Any]]:
    """What was seen at each rate, the runs of one rate taken together; JSON values in the order of the rates."""
    rates = sorted({point["rate_rps"] for point in points})
    return [_at(rate, [point for point in points if point["rate_rps"] == rate], slo) for rate in rates]


def _at(rate_rps: float, points: Sequence[Point], slo: Slo) -> dict[str, Any]:
    trials = [trial_of(point, slo) for point in points]
    seen = [results for point in points if (results := results_of(point)) is not None]
    return {
        "rate_rps": rate_rps,
        "fixed": any(point["kind"] == FIXED for point in points),
        "runs": len(points),
        "passed": sum(trial.passed for trial in trials),
        "holds": _mostly([trial.passed for trial in trials if trial.kept_up]),
        "misses": sorted({miss for trial in trials for miss in trial.misses}),
        "sustained": _mostly([point["sustained"] for point in points]),
        "generator_behind": sum(not keeps_up(results) for results in seen),
        "requests": sum(results.requests for results in seen),
        "failures": sum(results.failures for results in seen),
        "dropped": sum(results.dropped for results in seen),
        "throughput_rps": _mean([results.throughput_rps for results in seen]),
        "texts_per_s": _mean([results.texts_per_s for results in seen]),
        "latency_ms": merged_latency_ms(seen),
        "latency_ms_range": _range(seen),
        "cache_hit_rate": _mean([results.cache_hit_rate for results in seen]),
        "mean_batch_texts": _mean([_batch(point, "mean_batch_texts") for point in points]),
        "mean_call_texts": _mean([_batch(point, "mean_call_texts") for point in points]),
        "mean_queue_ms": _mean([_batch(point, "mean_queue_ms") for point in points]),
        "batch_sizes": _sizes(points),
        "cpu_s_per_request": _cpu(points),
        "generator_cpu_share": _mean([results.generator_cpu_share for results in seen]),
    }


def merged_latency_ms(seen: Sequence[Results]) -> dict[str, float] | None:
    """Percentiles over all requests of several runs."""
    return summarize_latency(merged(_latency(results) for results in seen if results.latency_ms is not None))


def _latency(results: Results) -> Histogram:
    answered = results.requests - results.failures
    mean_ms = 0.0 if results.latency_ms is None else results.latency_ms["mean"]
    return Histogram.from_dict(
        {"hdr": results.histograms["latency"], "digits": EXACT_DIGITS, "sum_us": round(mean_ms * US_PER_MS * answered)}
    )


def _range(seen: Sequence[Results]) -> dict[str, tuple[float, float]] | None:
    """The least and the greatest of each percentile over the runs."""
    latencies = [results.latency_ms for results in seen if results.latency_ms is not None]
    if not latencies:
        return None
    return {name: (min(found[name] for found in latencies), max(found[name] for found in latencies)) for name in SPREAD}


def _sizes(points: Sequence[Point]) -> dict[str, int]:
    """How many batches of each size Triton ran."""
    total: dict[int, int] = {}
    for point in points:
        for size, count in ((point["batches"] or {}).get("sizes") or {}).items():
            total[int(size)] = total.get(int(size), 0) + count
    return {str(size): total[size] for size in sorted(total)}


def _cpu(points: Sequence[Point]) -> dict[str, float] | None:
    spent = [point["cpu_s_per_request"] for point in points if point["cpu_s_per_request"] is not None]
    return {part: fmean(one[part] for one in spent) for part in spent[0]} if spent else None


def _batch(point: Point, name: str) -> float | None:
    value: float | None = (point["batches"] or {}).get(name)
    return value


def _mean(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return fmean(there) if there else None


def _mostly(values: Sequence[bool]) -> bool:
    return sum(values) * 2 > len(values)
