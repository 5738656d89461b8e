"""sweep.json, in the form that `docs/sweep.md` describes. Pure."""

from dataclasses import asdict
from typing import Any

from loadtest.planning.sweep.findings.effects import Effect
from loadtest.planning.sweep.findings.entry import Entry
from loadtest.planning.sweep.findings.loads import Load
from loadtest.planning.sweep.findings.over_time import OverTime
from loadtest.planning.sweep.findings.profiles import ChosenProfile
from loadtest.planning.sweep.findings.summary import SweepSummary

SCHEMA = "headrace-sweep/1"


def sweep_json(sweep: SweepSummary) -> dict[str, Any]:
    """What a sweep found as JSON values."""
    document = sweep.definition.document
    return {
        "schema": SCHEMA,
        "command": sweep.definition.command,
        "model": document.model,
        "slo": str(sweep.slo),
        "measured_for_slo": document.slo,
        "sweep": document.model_dump(),
        "complete": sweep.complete,
        "interrupted": sweep.interrupted,
        "verdict": list(sweep.verdict),
        "slo_verdict": sweep.slo_verdict,
        "cautions": list(sweep.cautions),
        "best": dict(sweep.best),
        "profiles": {workload: _profile(profile) for workload, profile in sweep.profiles.items()},
        "configurations": [_entry(entry) | {"dominated": entry.name in sweep.dominated} for entry in sweep.entries],
        "latency_metric": sweep.latency_metric,
        "points": [asdict(point) for point in sweep.points],
        "effects": [_effect(effect) for effect in sweep.effects],
        "prices": [asdict(offer) for offer in sweep.definition.offers],
        "machines": [dict(machine) for machine in sweep.machines],
        "versions": [dict(versions) for versions in sweep.versions],
        "started_at": sweep.started_at,
        "measured_s": sweep.measured_s,
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        **asdict(entry.description),
        "state": entry.state,
        "error": entry.error,
        "runs": list(entry.runs),
        "capacity": None if entry.capacity is None else asdict(entry.capacity),
        "texts_per_s": entry.texts_per_s,
        "search": list(entry.search),
        "loads": [_load(load) for load in entry.loads],
        "hit_rate": entry.hit_rate,
        "memory_bytes": None if entry.memory_bytes is None else dict(entry.memory_bytes),
        "over_time": None if entry.over_time is None else _over_time(entry.over_time),
        "cost": [asdict(cost) for cost in entry.cost],
    }


def _load(load: Load) -> dict[str, Any]:
    return asdict(load) | {"batch_sizes": {str(size): count for size, count in load.batch_sizes.items()}}


def _over_time(shown: OverTime) -> dict[str, Any]:
    return {
        "run": shown.run,
        "rate_rps": shown.rate_rps,
        "held": shown.held,
        "parts": {role: asdict(part) for role, part in shown.parts.items()},
        "results": shown.results.to_dict(),
    }


def _profile(chosen: ChosenProfile) -> dict[str, Any]:
    return {
        "configuration": chosen.configuration,
        "profile": chosen.profile,
        "error": chosen.error,
        "cautions": list(chosen.cautions),
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "knob": effect.knob,
        "from": effect.value_before,
        "to": effect.value_after,
        "before": effect.before,
        "after": effect.after,
        "capacity": effect.capacity,
        "certain": effect.certain,
        "cost": effect.cost,
        "latency": [asdict(change) for change in effect.latency],
    }
