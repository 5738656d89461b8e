"""`trials` of search.json as CSV: one row a trial, in their order. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from loadtest.results.csv_tables import table

LATENCIES = ("p50", "p95", "p99")
COUNTS = ("offered_rps", "throughput_rps", "texts_per_s", "requests", "failures", "dropped", "late", "behind", "cache_hit_rate")


def trials_csv(trials: Sequence[Mapping[str, Any]]) -> str:
    """Rate, outcome, what was counted, latencies in ms and what was missed; fields that a trial without answers lacks are empty."""
    header = ["trial", "rate_rps", "passed", "kept_up", *COUNTS, *(f"{name}_ms" for name in LATENCIES), "misses"]
    return table(header, (_row(number, trial) for number, trial in enumerate(trials, 1)))


def _row(number: int, trial: Mapping[str, Any]) -> list[Any]:
    latency_ms = trial.get("latency_ms") or {}
    return [
        *(number, trial["rate_rps"], trial["passed"], trial["kept_up"]),
        *(trial.get(name) for name in COUNTS),
        *(latency_ms.get(name) for name in LATENCIES),
        "; ".join(trial["misses"]),
    ]
