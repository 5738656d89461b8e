"""sweep.json: all configurations with what they hold and cost, the Pareto front, the choice. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from types import MappingProxyType
from typing import Any

from loadtest.planning.sweep.document import Document
from loadtest.planning.sweep.findings.choice import best, verdict
from loadtest.planning.sweep.findings.effects import effects
from loadtest.planning.sweep.findings.loads import by_rate, capacity
from loadtest.planning.sweep.findings.over_time import run_over_time
from loadtest.planning.sweep.findings.pareto import front
from loadtest.planning.sweep.findings.pricing import Offer, applied
from loadtest.planning.sweep.findings.profiles import missing, profile_of
from loadtest.planning.sweep.jobs import Job, described, workload_of
from loadtest.planning.sweep.stack.packaged import PackagedModel
from loadtest.planning.sweep.store import OLDER
from loadtest.slo import ERRORS, Slo

SCHEMA = "headrace-sweep/1"
DEFAULT_METRIC = "p99"
LOAD = "load_average_1m"


def summarize_sweep(
    document: Document,
    jobs: Sequence[Job],
    runs: Mapping[str, Mapping[str, Any]],
    packaged: PackagedModel,
    offers: Sequence[Offer],
    slo: Slo,
    command: str,
    *,
    profiles: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    interrupted: bool = False,
) -> dict[str, Any]:
    """The sweep as JSON values, as docs/sweep.md says. `runs`: the results that there are, by key; `profiles`: those by configuration."""
    by_name: dict[str, list[Job]] = {}
    for job in jobs:
        by_name.setdefault(job.configuration.name, []).append(job)
    entries = [_entry(own, document, runs, packaged, offers, slo) for own in by_name.values()]
    metric = next((objective.metric for objective in slo.objectives if objective.metric != ERRORS), DEFAULT_METRIC)
    points = _points(entries, metric.replace(".", "_"), offers)
    kept = {point["configuration"] for point in points if point["front"]}
    measured = {point["configuration"] for point in points}
    for entry in entries:
        entry["dominated"] = entry["name"] in measured - kept
    chosen = best(entries)
    profiled = {} if document.profile is None else _profiles(chosen, entries, by_name, runs, profiles, slo)
    seen = [run for run in runs.values() if run["error"] is None]
    machines = _distinct([_without_load(run["machine"]) for run in seen])
    return {
        "schema": SCHEMA,
        "command": command,
        "model": document.model,
        "slo": str(slo),
        "measured_for_slo": document.slo,
        "sweep": document.model_dump(),
        "complete": all(entry["state"] == "finished" for entry in entries),
        "interrupted": interrupted,
        "verdict": verdict(entries, chosen, str(slo), offers[0].instance if offers else None, missing(profiled), interrupted=interrupted),
        "cautions": _cautions(entries, machines, seen) + (applied(offers, machines[0]["cores"]) if machines else []),
        "best": chosen,
        "profiles": profiled,
        "configurations": entries,
        "latency_metric": metric,
        "points": points,
        "effects": effects(entries),
        "prices": [asdict(offer) for offer in offers],
        "machines": machines,
        "versions": _distinct([run["versions"] for run in seen]),
        "started_at": min((run["started_at"] for run in seen), default=None),
        "measured_s": sum(run["elapsed_s"] for run in seen),
    }


def _entry(
    own: Sequence[Job],
    document: Document,
    runs: Mapping[str, Mapping[str, Any]],
    packaged: PackagedModel,
    offers: Sequence[Offer],
    slo: Slo,
) -> dict[str, Any]:
    there = [runs[job.key] for job in own if job.key in runs]
    done = [run for run in there if run["error"] is None]
    points = [point for run in done for point in run["points"]]
    held = capacity(points, slo)
    texts = workload_of(document, own[0].configuration.knobs, own[0].configuration.name).mean_batch_size
    texts_per_s = None if held is None else held.rps * texts
    known = described(own[0], document, packaged)
    loads = by_rate(points, slo)
    return {
        **{name: known[name] for name in ("name", "knobs", "workload", "packaged", "config_pbtxt", "settings")},
        "state": _state(len(own), len(done), len(there)),
        "error": next((run["error"] for run in there if run["error"]), None),
        "runs": [f"runs/{run['key']}.json" for run in there],
        "capacity": None if held is None else held.to_dict(),
        "texts_per_s": texts_per_s,
        "search": [run["search"]["outcome"] for run in done if run["search"]],
        "loads": loads,
        "hit_rate": _hit_rate(loads),
        "memory_bytes": _mean_parts([run["memory_bytes"] for run in done if run["memory_bytes"] is not None]),
        "over_time": run_over_time(done, slo),
        "cost": [offer.cost(texts_per_s) for offer in offers],
    }


def _profiles(
    chosen: Mapping[str, str],
    entries: Sequence[Mapping[str, Any]],
    by_name: Mapping[str, Sequence[Job]],
    runs: Mapping[str, Mapping[str, Any]],
    profiles: Mapping[str, Mapping[str, Any]],
    slo: Slo,
) -> dict[str, Any]:
    found = {}
    for workload, name in chosen.items():
        entry = next(one for one in entries if one["name"] == name)
        points = [point for job in by_name[name] if job.key in runs for point in runs[job.key]["points"]]
        found[workload] = profile_of(profiles.get(name), entry, points, slo)
    return found


def _state(jobs: int, done: int, there: int) -> str:
    """Of a configuration with so many jobs, of which so many are done, and so many have a result, be it a failure."""
    return "finished" if done == jobs else "failed" if there > done else "partial" if done else "pending"


def _points(entries: Sequence[Mapping[str, Any]], metric: str, offers: Sequence[Offer]) -> list[dict[str, Any]]:
    """A configuration at a rate that it keeps up: its latency, and what a million texts cost if it is loaded so (null without prices).

    On the front is what no other of the same workload beats: at most its cost, or without prices at least its rate, with less latency.
    """
    found = []
    for entry in entries:
        for load in entry["loads"]:
            if not load["sustained"] or load["latency_ms"] is None or metric not in load["latency_ms"]:
                continue
            texts_per_s = load["texts_per_s"] / load["throughput_rps"] * load["rate_rps"]
            found.append(
                {
                    "configuration": entry["name"],
                    "workload": entry["workload"],
                    "rate_rps": load["rate_rps"],
                    "latency_ms": load["latency_ms"][metric],
                    "requests": load["requests"],
                    "usd_per_million": offers[0].cost(texts_per_s)["on_demand_usd_per_million"] if offers else None,
                    "front": False,
                }
            )
    for workload in {point["workload"] for point in found}:
        own = [point for point in found if point["workload"] == workload]
        for point, kept in zip(own, front([(point["latency_ms"], -point["rate_rps"]) for point in own]), strict=True):
            point["front"] = kept
    return found


def _cautions(entries: Sequence[Mapping[str, Any]], machines: Sequence[Any], runs: Sequence[Mapping[str, Any]]) -> list[str]:
    said = []
    older = sum(run["schema"] in OLDER for run in runs)
    if older:
        said.append(
            f"{older} of {len(runs)} results are of an earlier version: they show nothing over time, and count memory that processes share "
            "once, where later ones count it for each."
        )
    if len(machines) > 1:
        said.append("The results come from different machines: they cannot be held against each other.")
    behind = sum(load["generator_behind"] for entry in entries for load in entry["loads"])
    if behind:
        said.append(f"In {behind} runs the load generator could not keep up; they do not count.")
    for entry in entries:
        lowest_rps = min((load["rate_rps"] for load in entry["loads"]), default=0.0)
        if entry["capacity"] is not None and entry["capacity"]["rps"] < lowest_rps:
            said.append(
                f"{entry['name']}: {lowest_rps:,.3g} requests/s is the lowest rate that was tried; what it holds below is extrapolated."
            )
    if machines:
        said.append(f"Gateway, Triton, cache and load generator shared {machines[0]['cores']} cores: alone on them the system does more.")
    return said


def _hit_rate(loads: Sequence[Mapping[str, Any]]) -> float | None:
    seen = [load["cache_hit_rate"] for load in loads if load["cache_hit_rate"] is not None]
    return fmean(seen) if seen else None


def _mean_parts(parts: Sequence[Mapping[str, float]]) -> dict[str, float] | None:
    return {name: fmean(one[name] for one in parts) for name in parts[0]} if parts else None


def _without_load(machine: Mapping[str, Any]) -> dict[str, Any]:
    """The machine whatever else it did when a run began."""
    return {name: told for name, told in machine.items() if name != LOAD}


def _distinct(values: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found
