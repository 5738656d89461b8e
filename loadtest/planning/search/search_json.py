"""`search.json`: what a search found, in the form that `docs/search.md` describes. Pure."""

from typing import Any

from loadtest.planning.search.bounds import Bounds
from loadtest.planning.search.edge import CONFIDENCE, Estimate
from loadtest.planning.search.search import Found
from loadtest.planning.search.sentence import cautions, sentence
from loadtest.planning.search.trial import Trial
from loadtest.results.summary import Circumstances
from loadtest.scenario.scenario import Scenario
from loadtest.slo import Slo

SCHEMA = "headrace-search/1"


def search_json(found: Found, slo: Slo, bounds: Bounds, scenario: Scenario, around: Circumstances, warm_up_s: float) -> dict[str, Any]:
    """The search as JSON values. Headers of the scenario, which may hold keys, are left out."""
    offered = scenario.to_dict()
    del offered["headers"]
    best = found.best.results if found.best is not None else None
    return {
        "schema": SCHEMA,
        "verdict": sentence(found, slo, bounds),
        "outcome": found.outcome,
        "problem": found.reason,
        "slo": str(slo),
        "rate": _estimate(None if found.edge is None else found.edge.half),
        "safe_rate": _estimate(None if found.edge is None else found.edge.safe),
        "confidence": CONFIDENCE,
        "cautions": cautions(found, scenario, slo),
        "trials": [_trial(trial) for trial in found.trials],
        "best": None if best is None else best.to_dict(),
        "bounds": {
            "first_rps": bounds.first_rps,
            "resolution": bounds.resolution,
            "most_rps": bounds.most_rps,
            "most_trials": bounds.most_trials,
        },
        "warm_up_s": warm_up_s,
        "offered": offered,
        "machine": dict(around.machine),
        "command": around.command,
        "started_at": around.started_at,
    }


def _estimate(estimate: Estimate | None) -> dict[str, float] | None:
    return None if estimate is None else {"rps": estimate.rps, "low_rps": estimate.low_rps, "high_rps": estimate.high_rps}


def _trial(trial: Trial) -> dict[str, Any]:
    values: dict[str, Any] = {
        "rate_rps": trial.rate_rps,
        "passed": trial.passed if trial.kept_up else None,
        "kept_up": trial.kept_up,
        "misses": list(trial.misses),
    }
    results = trial.results
    if results is not None:
        names = ("offered_rps", "throughput_rps", "texts_per_s", "requests", "failures", "dropped", "late", "behind", "cache_hit_rate")
        values |= {name: getattr(results, name) for name in (*names, "latency_ms", "started_at", "elapsed_s")}
    return values
