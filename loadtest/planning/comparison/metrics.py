"""What runs are compared by, and each metric's value in a report."""

from loadtest.planning.comparison.difference import Kind
from loadtest.results.percentiles import REPORTED
from loadtest.results.results import Results

PERCENTILES = {name.replace("_", "."): quantile for name, quantile in REPORTED.items()}
KINDS: dict[str, Kind] = {
    "throughput": "rate",
    **dict.fromkeys(PERCENTILES, "latency"),
    "mean": "latency",
    "errors": "share",
    "hits": "share",
    "cost": "price",
    "rate": "rate",
    "safe-rate": "rate",
}
"""`rate` and `safe-rate` are of searches, the others of runs. `cost` is USD per million texts."""
RUN_METRICS = tuple(name for name in KINDS if name not in {"rate", "safe-rate"})
LEAST_BEHIND = 10
"""A percentile with fewer requests behind it is a guess: it has no interval."""


def value(metric: str, results: Results) -> float | None:
    """The metric in a run; None where nothing was answered or no price was given."""
    latency_ms = results.latency.summary_ms
    if metric in PERCENTILES or metric == "mean":
        return None if latency_ms is None else latency_ms[metric.replace(".", "_")]
    values = {
        "throughput": results.throughput.answered_rps,
        "errors": results.requests.error_share,
        "hits": results.hits.rate,
        "cost": results.costs.usd_per_million,
    }
    return values[metric]


def is_guess(metric: str, results: Results) -> bool:
    """Whether too few requests stand behind the percentile."""
    return metric in PERCENTILES and results.latency.behind[metric.replace(".", "_")] < LEAST_BEHIND
