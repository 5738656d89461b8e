"""Whether a load test kept its SLO. Pure."""

from dataclasses import dataclass

from loadtest.results.histogram import Histogram
from loadtest.results.requests import Requests
from loadtest.slo import MEAN, Slo


@dataclass(frozen=True, slots=True)
class SloCheck:
    """An SLO, and the objectives that were not kept, a phrase each (`p99<50ms: 61.2 ms`)."""

    slo: Slo
    misses: list[str]


def check(slo: Slo, requests: Requests, latency: Histogram) -> SloCheck:
    """Hold a load test against an SLO.

    A request that was dropped counts as failed, since its caller got no answer. Any percentile can
    be asked for, since it is looked up in the histogram.
    """
    asked = {objective.metric: objective.quantile for objective in slo.objectives if objective.quantile is not None}
    quantiles_ms = latency.quantiles_ms(list(asked.values()))
    latency_ms = {MEAN: latency.mean_ms, **dict(zip(asked, quantiles_ms, strict=True))}
    found = {
        "latency_ms": latency_ms if len(latency) else None,
        "requests": requests.due,
        "failures": requests.unanswered,
    }
    return SloCheck(slo, slo.misses(found))
