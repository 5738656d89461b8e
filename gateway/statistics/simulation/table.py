"""The whole table: each scenario with a generator of its own, so that any of them runs alone."""

from collections.abc import Callable, Iterator

import numpy as np

from gateway.statistics.simulation import goals, guardrails, mismatch, pitfalls
from gateway.statistics.simulation.row import Row

Scenario = Callable[[np.random.Generator, int], Iterator[Row]]

SCENARIOS: dict[str, Scenario] = {
    "false-positives": goals.false_positives,
    "returning-users": goals.returning_users,
    "coverage": goals.coverage,
    "power": goals.power,
    "mismatch": mismatch.mismatch,
    "rare-events": guardrails.rare_events,
    "changed-weights": pitfalls.changed_weights,
    "late-outcomes": pitfalls.late_outcomes,
    "latency-of-hits": pitfalls.latency_of_hits,
}
HEAD = "| what | measured | required | runs | holds |\n| --- | --- | --- | --- | --- |"


def rows(name: str, runs: int, seed: int) -> Iterator[Row]:
    """The rows of one scenario; the same seed brings the same numbers."""
    return SCENARIOS[name](np.random.default_rng([seed, list(SCENARIOS).index(name)]), runs)
