"""What a plan says in a sentence, and how a run confirms it. Pure."""

import math

from loadtest.planning.capacity.planner import Plan
from loadtest.results.figures import plural

LEAST_CONFIRMED_RPS = 0.1
CONFIRMING_S = "180"
"""Percentiles of shorter runs vary more than the margin allows for."""


def verdict(plan: Plan) -> str:
    """What to run, and what it holds."""
    planned = plan.size.planned
    parts = f"{plural(planned.gateways, 'gateway')}, {plural(planned.triton_replicas, 'Triton replica')}"
    lost = f", also with {plan.aim.lost} of either lost" if plan.aim.lost else ", with all of them there"
    return (
        f"{parts} and {plan.memory.max_memory_mib:,} MiB of cache hold "
        f"{plan.load.requests_per_s:,.0f} requests/s within {plan.aim.slo}{lost}."
    )


def confirming_run(plan: Plan) -> list[str]:
    """The arguments of the run that shows whether one gateway and one replica hold what is said.

    Its rate is rounded down, so that it is within what is held. None where that is next to nothing.
    """
    rate = math.floor(plan.one_of_each_rps * 10) / 10
    if rate < LEAST_CONFIRMED_RPS:
        return []
    run = ["run", "--url", "URL", "--model", plan.profile.model, "--corpus", "FILE", "--report", "DIR"]
    load = ["--rate", f"{rate:g}", "--duration", CONFIRMING_S, "--repeat", f"{plan.wish.hit_rate:g}", "--slo", str(plan.aim.slo), "--fail"]
    batch = ["--batch-size", str(plan.profile.items_per_request)] if plan.profile.items_per_request > 1 else []
    return [*run, *load, *batch]
