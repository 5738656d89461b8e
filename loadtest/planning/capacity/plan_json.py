"""The plan as JSON values, schema `headrace-capacity-plan/1` (see `docs/capacity.md`). Pure."""

from dataclasses import asdict
from typing import Any

from loadtest.cost.fleet import Fleet
from loadtest.planning.capacity.arithmetic import steps
from loadtest.planning.capacity.cautions import cautions
from loadtest.planning.capacity.planner import Plan
from loadtest.planning.capacity.prediction import Prediction, latency_objectives

SCHEMA = "headrace-capacity-plan/1"


def plan_json(plan: Plan, command: str, triton_type: str | None) -> dict[str, Any]:
    """All of the plan. Units stand in the names.

    That is what was asked, what to run, predictions, checks, the bill and the arithmetic.
    """
    return {
        "schema": SCHEMA,
        "command": command,
        "slo": str(plan.aim.slo),
        "wish": asdict(plan.wish),
        "replicas_lost": plan.aim.lost,
        "most_utilization": plan.aim.most_utilization,
        "planned": asdict(plan.size.planned),
        "needed_with_replicas_lost": asdict(plan.size.needed),
        "today": asdict(plan.today.planned),
        "cache": {
            "entries": plan.memory.entries,
            "max_memory_mib": plan.memory.max_memory_mib,
            "needed_gib": plan.memory.needed_gib,
        },
        "highest_requests_per_s_within_slo": plan.highest_requests_per_s,
        "highest_requests_per_s_if_exact": plan.exact_requests_per_s,
        "one_of_each_requests_per_s": plan.one_of_each_rps,
        "margin": plan.aim.margin,
        "predictions": {
            "all_there": _prediction(plan, plan.full),
            "gateway_lost": _prediction(plan, plan.gateway_lost),
            "replica_lost": _prediction(plan, plan.replica_lost),
        },
        "checks": [asdict(check) | {"error": check.error, "agrees": check.agrees} for check in plan.checks],
        "bill": _bill(plan),
        "arithmetic": [asdict(step) for step in steps(plan)],
        "cautions": cautions(plan, triton_type),
        "profile": plan.profile.model_dump(mode="json", by_alias=True),
    }


def _prediction(plan: Plan, prediction: Prediction) -> dict[str, Any]:
    return {
        "gateways": prediction.deployment.gateways,
        "triton_replicas": prediction.deployment.triton_replicas,
        "gateway_utilization": prediction.gateway_queue.utilization,
        "triton_utilization": prediction.triton_queue.utilization,
        "triton_load": prediction.triton_queue.load,
        "latency_ms": {objective.metric: prediction.latency_ms(objective) for objective in latency_objectives(plan.aim.slo)},
    }


def _bill(plan: Plan) -> dict[str, Any] | None:
    if plan.bill is None:
        return None
    return {
        "on_demand": _fleet(plan, plan.bill.on_demand),
        "spot": None if plan.bill.spot is None else _fleet(plan, plan.bill.spot),
        "spot_multiplier": plan.bill.spot_multiplier,
        "sources": plan.bill.sources,
    }


def _fleet(plan: Plan, fleet: Fleet) -> dict[str, Any]:
    return {
        "parts": [asdict(part) for part in fleet.parts],
        "usd_per_month": fleet.usd_per_month,
        "usd_per_million_at_the_slo": fleet.usd_per_million(plan.highest_texts_per_s),
        "usd_per_million_at_the_planned_rate": fleet.usd_per_million(plan.load.items_per_s),
    }
