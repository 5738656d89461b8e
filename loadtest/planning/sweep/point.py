"""One load on one configuration, as it is kept and read again. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from loadtest.observation.triton_statistics import Statistics
from loadtest.planning.search.trial import Trial, judge, unanswered
from loadtest.results.observed import Observed
from loadtest.results.results import Results
from loadtest.slo import Slo

FIXED, SEARCH = "fixed", "search"
PARTS = ("gateway", "triton", "cache")
"""Of the stack."""
LEAST_ANSWERED = 0.95
MOST_ERRORS = 0.01


@dataclass(frozen=True, slots=True)
class Seen:
    """What a stack did during a run: Triton's batches, CPU seconds a request by part (None: no process was seen), all over time."""

    batches: Statistics
    cpu_s_per_request: Mapping[str, float] | None
    observed: Observed


def point_of(rate_rps: float, kind: str, results: Results | None, seen: Seen | None) -> dict[str, Any]:
    """JSON values of a run at `rate_rps`: its results (a report.json) and what the stack did meanwhile."""
    if results is not None and seen is not None:
        results = replace(results, observed=seen.observed)
    return {
        "rate_rps": rate_rps,
        "kind": kind,
        "sustained": results is not None and sustained(results),
        "batches": None if seen is None else seen.batches.to_dict(),
        "cpu_s_per_request": None if seen is None else seen.cpu_s_per_request,
        "results": None if results is None else results.to_dict(),
    }


def memory_by_part(observed: Observed) -> dict[str, int]:
    """Resident memory of each part at the last look, bytes."""
    last = {part: observed.of_role(part)[-1:] for part in PARTS}
    return {part: points[0].memory_bytes if points else 0 for part, points in last.items()}


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
