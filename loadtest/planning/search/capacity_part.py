"""What a search measures of a capacity profile. Pure.

That is a Triton replica's ceiling within the SLO (the lower end of the 95 % interval of the rate at
which nine of ten runs keep it), and points to check the model with.
"""

from loadtest.planning.capacity.profile import SCHEMA
from loadtest.planning.capacity.profile_part import PointPart, ProfilePart
from loadtest.planning.search.search import Found
from loadtest.results.results import Results
from loadtest.slo import Slo

CHECKED = ("p50", "p90", "p99")
LEAST_REQUESTS = 200
"""Trials with fewer requests show too little of p99 to check a model with."""


def capacity_part(found: Found, slo: Slo, triton_replicas: int, gateways: int) -> ProfilePart | None:
    """A part of a capacity profile, to be put together with what `profile` measures.

    None where nothing was found, and for another server than Headrace, whose hits are not known: a
    plan computes with Headrace's gateway, cache and Triton.
    """
    if not found.is_headrace:
        return None
    points = [
        measured_point(trial.results, triton_replicas, gateways)
        for trial in found.trials
        if trial.held and trial.results is not None and checks_a_model(trial.results)
    ]
    part: ProfilePart = {"schema": SCHEMA, "points": points}
    best = None if found.best is None else found.best.results
    if found.safe_interval_rps is not None and best is not None and best.hits.rate is not None and best.throughput.answered_rps:
        texts_per_request = best.throughput.texts_per_s / best.throughput.answered_rps
        # at the rate itself half of the runs miss the SLO: a plan must hold it
        misses_per_s = found.safe_interval_rps[0] * texts_per_request * (1 - best.hits.rate) / triton_replicas
        if misses_per_s > 0:
            part["triton"] = {"texts_per_s_within_slo": {"slo": str(slo), "texts_per_s": misses_per_s}}
    return part if points or "triton" in part else None


def checks_a_model(results: Results) -> bool:
    """Whether a run may be held against a model of the system.

    It may not where too few requests ended, or where its latencies hold what other work or a
    generator short of CPU did to them.
    """
    return results.requests.ended >= LEAST_REQUESTS and results.kept_up and not results.doubts


def measured_point(results: Results, triton_replicas: int, gateways: int) -> PointPart:
    """A run as a point of a capacity profile."""
    latency_ms = results.latency.summary_ms or {}
    return {
        "requests_per_s": results.throughput.offered_rps,
        "hit_rate": results.hits.rate or 0.0,
        "triton_replicas": triton_replicas,
        "gateways": gateways,
        "latency_ms": {name: latency_ms[name] for name in CHECKED if name in latency_ms},
    }
