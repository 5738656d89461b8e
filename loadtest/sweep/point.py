"""One load on one configuration, as it is kept. Pure."""

from collections.abc import Mapping
from typing import Any

from loadtest.report.verdict import cautions, keeps_up
from loadtest.results.results import Results

FIXED, SEARCH = "fixed", "search"
LEAST_ANSWERED = 0.95
MOST_ERRORS = 0.01
KEPT = (
    "requests", "failures", "dropped", "late", "behind", "offered_rps", "sent_rps", "throughput_rps", "texts_per_s", "latency_ms", "service_ms",
    "latency_curve", "cache_hit_rate", "sent_repeats", "elapsed_s", "started_at", "errors_by_status",
)  # fmt: skip


def point_of(rate_rps: float, kind: str, results: Results, observed: Mapping[str, Any] | None) -> dict[str, Any]:
    """JSON values of a run at `rate_rps`: its results without the series, and what the stack did meanwhile."""
    values = results.to_dict()
    return {
        "rate_rps": rate_rps,
        "kind": kind,
        **{name: values[name] for name in KEPT},
        "latency_histogram": results.histograms["latency"],
        "kept_up": keeps_up(results),
        "sustained": sustained(results),
        "generator_cpu_share": results.generator_cpu_share,
        "generator_cpu_wait_share": max((use.cpu_wait_share for use in results.generators), default=0.0),
        "cautions": cautions(results),
        "batches": None if observed is None else observed["batches"],
        "cpu_s_per_request": None if observed is None else observed["cpu_s_per_request"],
    }


def sustained(results: Results) -> bool:
    """Whether the system answered what was offered, so that the rate could go on: a queue that grows shows in too few answers."""
    return (
        results.latency_ms is not None
        and results.error_share <= MOST_ERRORS
        and results.throughput_rps >= LEAST_ANSWERED * results.offered_rps * results.requests / max(results.requests + results.dropped, 1)
    )
