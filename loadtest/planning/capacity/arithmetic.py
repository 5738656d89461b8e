"""The plan's arithmetic, a step a line, so that each figure can be followed. Pure."""

import math
from dataclasses import dataclass

from loadtest.planning.capacity.batching import BatchQueue
from loadtest.planning.capacity.checking import greatest_miss
from loadtest.planning.capacity.planner import Plan
from loadtest.planning.capacity.prediction import MS_PER_S, Deployment, Prediction, latency_objectives
from loadtest.results.figures import plural


@dataclass(frozen=True, slots=True)
class Step:
    """What is computed, from what, and what comes out, with units."""

    what: str
    how: str
    result: str


def steps(plan: Plan) -> list[Step]:
    """From the rate to replicas and memory, each following from the steps before."""
    return [*_load(plan), *_gateways(plan), *_service(plan), *_replicas(plan), *_capacity(plan), *_memory(plan)]


def _load(plan: Plan) -> list[Step]:
    load, wish = plan.load, plan.wish
    rate = Step(
        "Rate planned for", f"{wish.requests_per_s:,g} requests/s × {wish.growth:g} growth", f"{load.requests_per_s:,.0f} requests/s"
    )
    items = f"{load.items_per_s:,.0f} texts/s × (1 − {load.hit_rate:g} repeats)"
    misses = Step("Texts that Triton computes", items, f"{load.misses_per_s:,.0f} texts/s")
    if load.items_per_request == 1:
        return [rate, misses]
    share = f"{load.requests_per_s:,.0f} requests/s × (1 − {load.hit_rate:g}^{load.items_per_request})"
    return [rate, misses, Step("Calls to Triton", share, f"{load.calls_per_s:,.0f} calls/s")]


def _gateways(plan: Plan) -> list[Step]:
    gateway, hits, needed = plan.profile.gateway, plan.load.hit_request_share, plan.size.needed.gateways
    cpu_s = plan.full.gateway_queue.service_s.mean
    mean = (
        f"{hits:.3g} × {gateway.cpu_s_per_hit * MS_PER_S:.3g} ms (hit) + {1 - hits:.3g} × {gateway.cpu_s_per_miss * MS_PER_S:.3g} ms (miss)"
    )
    busy = plan.gateway_lost.gateway_queue.utilization
    workers = f"{plural(gateway.workers, 'worker')} × {plural(needed, 'gateway')}"
    demand = f"{plan.load.requests_per_s:,.0f} /s × {cpu_s * MS_PER_S:.3g} ms / ({workers})"
    return [
        Step("Gateway CPU per request", mean, f"{cpu_s * MS_PER_S:.3g} ms"),
        Step("Gateways needed", f"{demand} = {busy:.0%} busy, at most {plan.aim.most_utilization:.0%}", f"{needed}"),
        Step("Gateways", f"{needed} + {plan.aim.lost} that may be lost", f"{plan.size.planned.gateways}"),
    ]


def _service(plan: Plan) -> list[Step]:
    triton = plan.profile.triton
    service = Step("Service time of a call", f"measured; scv {triton.service_s.scv:g}", f"mean {triton.service_s.mean * MS_PER_S:.3g} ms")
    queue = plan.replica_lost.triton_queue
    if isinstance(queue, BatchQueue):
        instances, largest = plural(queue.servers, "instance"), queue.times.largest
        brought = f"simulated: {queue.rate_per_s:,.4g} texts/s of a replica on {instances}"
        busy = f"{queue.rate_per_s:,.4g} texts/s × {queue.effective_service_s * MS_PER_S:.3g} ms / {instances}"
        most = f"{instances} × {plural(largest, 'text')} / {queue.times.seconds(largest) * MS_PER_S:,.4g} ms"
        return [
            service,
            Step("Batch that the load brings", brought, f"{queue.batch_items:.2f} texts"),
            Step("Effective service time of a text", "of these batches", f"{queue.effective_service_s * MS_PER_S:.3g} ms"),
            Step("Instances busy", busy, f"{queue.utilization:.0%}"),
            Step("Highest throughput of a replica", most, f"{queue.capacity_per_s:,.4g} texts/s"),
            Step("Load", f"{queue.rate_per_s:,.4g} texts/s / {queue.capacity_per_s:,.4g} texts/s", f"{queue.load:.0%}"),
        ]
    if triton.seconds_per_item is None:
        return [service]
    return [service, Step("Service time of a text at load", "measured", f"{triton.seconds_per_item * MS_PER_S:.3g} ms")]


def _replicas(plan: Plan) -> list[Step]:
    needed, lost = plan.size.needed, plan.replica_lost
    queue = lost.triton_queue
    steps = []
    if needed.triton_replicas > 1:
        fewer = Prediction(plan.profile, plan.load, Deployment(plan.size.planned.gateways, needed.triton_replicas - 1))
        steps.append(Step("One replica fewer", plural(needed.triton_replicas - 1, "Triton replica"), _fate(plan, fewer)))
    if isinstance(queue, BatchQueue):
        model = (
            f"batches of up to {queue.times.largest}, {plural(queue.servers, 'instance')}, {queue.rate_per_s:,.4g} texts/s each, simulated"
        )
    else:
        model = f"M/G/{queue.servers} at {queue.rate_per_s:,.1f} calls/s each: P(wait) {queue.wait_probability:.1%}"
        model += f", mean wait {queue.mean_wait_s * MS_PER_S:.3g} ms"
    steps.append(Step("Triton replicas needed", model, f"{needed.triton_replicas}: {_fate(plan, lost)}"))
    ceiling = plan.profile.triton.texts_per_s_within_slo
    if plan.size.ceiling_replicas is not None and ceiling is not None:
        measured = f"{plan.load.misses_per_s:,.0f} texts/s / {ceiling.texts_per_s:,.0f} texts/s, nine of ten runs kept {ceiling.slo}"
        steps.append(Step("By the measured ceiling", measured, f"{plan.size.ceiling_replicas}"))
    total = f"{needed.triton_replicas} + {plan.aim.lost} that may be lost"
    return [*steps, Step("Triton replicas", total, f"{plan.size.planned.triton_replicas}")]


def _fate(plan: Plan, prediction: Prediction) -> str:
    """How busy Triton is, and how the SLO fares."""
    queue = prediction.triton_queue
    load = f" ({queue.load:.0%} of its highest throughput)" if isinstance(queue, BatchQueue) else ""
    busy = f"{queue.utilization:.0%} busy{load}"
    if prediction.overloaded:
        return f"{busy}, the line grows without end"
    metrics = [f"{objective.metric} {objective.show(prediction.latency_ms(objective))}" for objective in latency_objectives(plan.aim.slo)]
    return ", ".join([busy, *metrics])


def _capacity(plan: Plan) -> list[Step]:
    how = f"highest rate within the SLO{f' with {plan.aim.lost} of either lost' if plan.aim.lost else ''}"
    spare = plan.highest_requests_per_s / plan.load.requests_per_s - 1
    worst = greatest_miss(plan.checks)
    margin = "at least: the model's own error, and how runs of three minutes vary"
    if worst is not None and worst.predicted_ms is not None:
        margin = f"{worst.metric} at {worst.requests_per_s:,g} requests/s: {worst.measured_ms:.3g} ms measured, {worst.predicted_ms:.3g} ms"
    return [
        Step("Margin on predicted latencies", margin, f"{plan.aim.margin:.0%}"),
        Step("What it holds", f"{how}, with the margin", f"{_rate(plan.highest_requests_per_s)} ({spare:+.0%})"),
        Step("If the model were exact", how, _rate(plan.exact_requests_per_s)),
        Step("One gateway and one replica hold", "as they were measured, with the margin", _rate(plan.one_of_each_rps)),
    ]


def _rate(rate_rps: float) -> str:
    """Rounded down: what is said to be held is held."""
    digits = 0 if rate_rps >= 100 else 1
    return f"{math.floor(rate_rps * 10**digits) / 10**digits:,.{digits}f} requests/s"


def _memory(plan: Plan) -> list[Step]:
    memory = plan.memory
    bound = "" if memory.distinct_items is None else f", at most {memory.distinct_items:,}"
    entries = f"{memory.misses_per_s:,.0f} texts/s × {memory.ttl_s:,g} s{bound}"
    size = f"{memory.entries:,.0f} × {plural(memory.bytes_per_item, 'byte')}"
    return [
        Step("Cached answers", entries, f"{memory.entries:,.0f}"),
        Step("Cache memory", size, f"{memory.max_memory_mib:,} MiB, {memory.needed_gib:.2f} GiB with the allocator's share"),
    ]
