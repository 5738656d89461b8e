"""Whether a load test kept its SLO. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.results.histogram import Histogram
from loadtest.results.requests import Requests
from loadtest.results.series import Slice
from loadtest.slo import MEAN, Slo

FEWEST_FAILURES_OF_AN_END = 3
"""Fewer failures than these at the end of a run may be chance."""


@dataclass(frozen=True, slots=True)
class SloCheck:
    """An SLO, and the objectives that were not kept, a phrase each (`p99<50ms: 61.2 ms`)."""

    slo: Slo
    misses: list[str]


def check(slo: Slo, requests: Requests, latency: Histogram, series: Sequence[Slice] = ()) -> SloCheck:
    """Hold a load test against an SLO.

    A request that was dropped counts as failed, since its caller got no answer. Any percentile can
    be asked for, since it is looked up in the histogram. A system that answers nothing any more
    misses every SLO, also one that bounds only the latency of answers.
    """
    asked = {objective.metric: objective.quantile for objective in slo.objectives if objective.quantile is not None}
    quantiles_ms = latency.quantiles_ms(list(asked.values()))
    latency_ms = {MEAN: latency.mean_ms, **dict(zip(asked, quantiles_ms, strict=True))}
    found = {
        "latency_ms": latency_ms if len(latency) else None,
        "requests": requests.due,
        "failures": requests.unanswered,
    }
    misses, silent_s = slo.misses(found), silent_from_s(series)
    if silent_s is not None and len(latency):
        misses.append(f"nothing was answered after second {silent_s:g}")
    return SloCheck(slo, misses)


def silent_from_s(series: Sequence[Slice]) -> float | None:
    """The second from which on nothing was answered, though requests were sent and failed.

    None where requests were answered to the end.
    """
    last = max((index for index, part in enumerate(series) if part.answered), default=-1)
    silent = series[last + 1 :]
    failures = sum(part.failed + part.dropped for part in silent)
    asked = sum(part.offered for part in silent)
    return silent[0].start_s if silent and asked and failures >= FEWEST_FAILURES_OF_AN_END else None
