"""One run at one rate, and whether it kept the SLO. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadtest.results.histogram import EXACT_DIGITS, Histogram
from loadtest.results.results import Results
from loadtest.results.verdict import keeps_up
from loadtest.slo import MEAN, Slo

COUNTED = ("offered_rps", "throughput_rps", "texts_per_s", "requests", "failures", "dropped", "late", "behind", "cache_hit_rate")


@dataclass(frozen=True, slots=True)
class Trial:
    """A run at `rate_rps`.

    `kept_up`: the generator sent in time; where it did not, `passed` and `misses` say nothing of
    the system. `misses` are the objectives that were not kept, a phrase each. `results` is None
    where no request ended.
    """

    rate_rps: float
    passed: bool
    kept_up: bool
    misses: tuple[str, ...] = ()
    results: Results | None = None

    @property
    def held(self) -> bool:
        """Whether the system kept the SLO, in a run that says something of the system."""
        return self.passed and self.kept_up


def judge(rate_rps: float, results: Results, slo: Slo) -> Trial:
    """Hold a run against an SLO."""
    misses = tuple(slo.misses(seen_by(slo, results)))
    return Trial(rate_rps, not misses, keeps_up(results), misses, results)


def unanswered(rate_rps: float) -> Trial:
    """The trial in which no request ended, neither well nor badly."""
    return Trial(rate_rps, passed=False, kept_up=True, misses=("no request was answered",))


def counted(results: Results) -> dict[str, float | None]:
    """What a run counted, by the names of report.json (`COUNTED`)."""
    return {
        "offered_rps": results.offered_rps,
        "throughput_rps": results.throughput_rps,
        "texts_per_s": results.texts_per_s,
        "requests": results.requests,
        "failures": results.failures,
        "dropped": results.dropped,
        "late": results.late,
        "behind": results.behind,
        "cache_hit_rate": results.cache_hit_rate,
    }


def seen_by(slo: Slo, results: Results) -> Mapping[str, Any]:
    """What the SLO looks up.

    Any percentile can be asked for, since it is looked up in the histogram. Requests that were
    dropped count as failed.
    """
    latency_ms = None
    if results.latency_ms is not None:
        histogram = Histogram.from_dict({"hdr": results.histograms["latency"], "digits": EXACT_DIGITS, "sum_us": 0})
        named = [(objective.metric, objective.quantile) for objective in slo.objectives if objective.quantile is not None]
        quantiles = histogram.quantiles_ms([quantile for _, quantile in named])
        latency_ms = {MEAN: results.latency_ms[MEAN]} | dict(zip([name for name, _ in named], quantiles, strict=True))
    return {
        "latency_ms": latency_ms,
        "requests": results.requests + results.dropped,
        "failures": results.failures + results.dropped,
    }
