"""The trials of a search as CSV: one row a trial, in their order. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from loadtest.planning.search.trial import COUNTED, Trial, counted
from loadtest.results.csv_tables import table

LATENCIES = ("p50", "p95", "p99")


def trials_csv(trials: Sequence[Trial]) -> str:
    """Rate, outcome, what was counted, latencies in ms and what was missed.

    A field is empty where there is nothing to say: the outcome of a trial that says nothing of the
    system, and the figures of one in which no request ended.
    """
    header = ["trial", "rate_rps", "passed", "kept_up", "disturbed", *COUNTED, *(f"{name}_ms" for name in LATENCIES), "misses"]
    return table(header, (_row(number, trial) for number, trial in enumerate(trials, 1)))


def _row(number: int, trial: Trial) -> list[Any]:
    results = trial.results
    counts: Mapping[str, float | None] = {} if results is None else counted(results)
    latency_ms = {} if results is None else results.latency.summary_ms or {}
    return [
        *(number, trial.rate_rps, trial.passed if trial.counts else None, trial.kept_up, trial.disturbed),
        *(counts.get(name) for name in COUNTED),
        *(latency_ms.get(name) for name in LATENCIES),
        "; ".join(trial.misses),
    ]
