"""One load on one configuration, as it is kept and read again. Pure."""

from collections.abc import Mapping
from typing import Any

from loadtest.results.results import Results
from loadtest.search.trial import Trial, judge, unanswered
from loadtest.slo import Slo

FIXED, SEARCH = "fixed", "search"
LEAST_ANSWERED = 0.95
MOST_ERRORS = 0.01


def point_of(rate_rps: float, kind: str, results: Results | None, observed: Mapping[str, Any] | None) -> dict[str, Any]:
    """JSON values of a run at `rate_rps`: its results (a report.json without the series) and what the stack did meanwhile."""
    seen = observed or {}
    return {
        "rate_rps": rate_rps,
        "kind": kind,
        "sustained": results is not None and sustained(results),
        "batches": seen.get("batches"),
        "cpu_s_per_request": seen.get("cpu_s_per_request"),
        "results": None if results is None else results.to_dict() | {"series": []},
    }


def results_of(point: Mapping[str, Any]) -> Results | None:
    """The results that a point holds; None where no request ended."""
    return None if point["results"] is None else Results.from_dict(point["results"])


def trial_of(point: Mapping[str, Any], slo: Slo) -> Trial:
    """The point judged by an SLO, which need not be the one that it was measured for."""
    results = results_of(point)
    return unanswered(point["rate_rps"]) if results is None else judge(point["rate_rps"], results, slo)


def sustained(results: Results) -> bool:
    """Whether the system answered as much as was offered, so that the load could go on: a queue that grows shows in too few answers."""
    if results.latency_ms is None or results.error_share > MOST_ERRORS:
        return False
    return results.throughput_rps >= LEAST_ANSWERED * results.offered_rps
