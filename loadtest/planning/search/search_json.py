"""`search.json`, in the form that `docs/search.md` describes. Pure.

It is written after a search, and read to compare searches.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import JsonValue

from loadtest.planning.search.edge import CONFIDENCE, Estimate
from loadtest.planning.search.summary import SearchSummary
from loadtest.planning.search.trial import Trial, counted
from loadtest.workload.server import HEADRACE

SCHEMA = "headrace-search/1"


@dataclass(frozen=True, slots=True)
class SearchFile:
    """The fields of a search.json by which searches are compared; `offered` is the scenario.

    `outcome` is as of `Found`. Trials that other work disturbed are none of them: what they missed
    does not count, so that they move no rate.
    """

    slo: str
    verdict: str
    rate: Estimate | None
    safe_rate: Estimate | None
    offered: Mapping[str, JsonValue]
    machine: Mapping[str, str | int | float]
    outcome: str = "found"
    server: str | None = HEADRACE


def search_json(search: SearchSummary) -> dict[str, Any]:
    """The search as JSON values."""
    return {
        "schema": SCHEMA,
        "verdict": search.verdict,
        "outcome": search.outcome,
        "problem": search.problem,
        "slo": str(search.slo),
        "rate": None if search.rate is None else asdict(search.rate),
        "safe_rate": None if search.safe_rate is None else asdict(search.safe_rate),
        "fail_below": None if search.least_rps is None else {"rps": search.least_rps, "verdict": search.least_verdict},
        "confidence": CONFIDENCE,
        "cautions": list(search.cautions),
        "trials": [_trial(trial) for trial in search.trials],
        "best": None if search.best is None else search.best.to_dict(),
        "bounds": asdict(search.bounds),
        "warm_up_s": search.warm_up_s,
        "offered": search.scenario.offered(),
        "server": next((trial.results.server for trial in search.trials if trial.results is not None), None),
        "machine": dict(search.around.provenance.machine),
        "command": search.around.provenance.command,
        "started_at": search.around.provenance.started_at,
    }


def parse_search(values: Mapping[str, Any]) -> SearchFile:
    """Pick the fields from the JSON values of a search.json.

    Raises:
        KeyError, TypeError: a field is missing, or has a form that it cannot have.
    """
    return SearchFile(
        slo=values["slo"],
        verdict=values["verdict"],
        rate=None if values["rate"] is None else Estimate(**values["rate"]),
        safe_rate=None if values["safe_rate"] is None else Estimate(**values["safe_rate"]),
        offered=values["offered"],
        machine=values["machine"],
        outcome=values.get("outcome", "found"),
        server=values.get("server", HEADRACE),
    )


def _trial(trial: Trial) -> dict[str, Any]:
    values: dict[str, Any] = {
        "rate_rps": trial.rate_rps,
        "passed": trial.passed if trial.counts else None,
        "kept_up": trial.kept_up,
        "disturbed": trial.disturbed,
        "strained": trial.strained,
        "misses": list(trial.misses),
    }
    results = trial.results
    if results is not None:
        values |= counted(results)
        values |= {"contention": None if results.contention is None else asdict(results.contention)}
        values |= {"latency_ms": results.latency.summary_ms, "started_at": results.provenance.started_at, "elapsed_s": results.elapsed_s}
    return values
