"""Predicted latency by rate, for a chart. Pure."""

from dataclasses import replace

from loadtest.planning.capacity.planner import Plan
from loadtest.planning.capacity.prediction import Prediction
from loadtest.slo import Objective

POINTS = 12


def latency_by_rate(plan: Plan, objective: Objective) -> list[tuple[float, float]]:
    """(requests/s, ms) of the planned deployment with Triton replicas lost.

    It ends at the rate that it would hold were the model exact, or at the planned rate where that
    is higher.
    """
    highest = max(plan.exact_requests_per_s, plan.load.requests_per_s)
    rates = [highest * (number + 1) / POINTS for number in range(POINTS)]
    found = [(rate, Prediction(plan.profile, replace(plan.load, requests_per_s=rate), plan.replica_lost.deployment)) for rate in rates]
    return [(rate, prediction.latency_ms(objective)) for rate, prediction in found if not prediction.overloaded]
