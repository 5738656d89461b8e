"""One run at one rate, and whether it kept the SLO. Pure."""

from dataclasses import dataclass
from typing import Literal

from loadtest.results.results import Results
from loadtest.results.slo_check import check
from loadtest.slo import Slo

COUNTED = ("offered_rps", "throughput_rps", "texts_per_s", "requests", "failures", "dropped", "late", "behind", "cache_hit_rate")


@dataclass(frozen=True, slots=True)
class Trial:
    """A run at `rate_rps`.

    `kept_up`: the generator sent in time; where it did not, `passed` and `misses` say nothing of
    the system. `disturbed`: other work took so much of the machine that a miss need not be the
    system's. `strained`: the generator was short of CPU, so that a miss need not be the system's
    either. `misses` are the objectives that were not kept, a phrase each. `results` is None where
    no request ended.
    """

    rate_rps: float
    passed: bool
    kept_up: bool
    misses: tuple[str, ...] = ()
    results: Results | None = None
    disturbed: bool = False
    strained: bool = False

    @property
    def spoilt_by(self) -> Literal["generator", "contention"] | None:
        """Why the run says nothing of the system; None where it does.

        What the system held in spite of other work it holds without it, too; what it missed then,
        it may hold. A generator that was behind meanwhile may keep up without it.
        """
        if self.kept_up and (self.passed or not (self.disturbed or self.strained)):
            return None
        return "contention" if self.disturbed else "generator"

    @property
    def counts(self) -> bool:
        """Whether the run says something of the system."""
        return self.spoilt_by is None

    @property
    def held(self) -> bool:
        """Whether the system kept the SLO, in a run that says something of the system."""
        return self.passed and self.kept_up


def judge(rate_rps: float, results: Results, slo: Slo) -> Trial:
    """Hold a run against an SLO."""
    misses = tuple(check(slo, results.requests, results.latency.decode(), results.series).misses)
    return Trial(rate_rps, not misses, results.kept_up, misses, results, results.disturbed, bool(results.strain))


def unanswered(rate_rps: float) -> Trial:
    """The trial in which no request ended, neither well nor badly."""
    return Trial(rate_rps, passed=False, kept_up=True, misses=("no request was answered",))


def counted(results: Results) -> dict[str, float | None]:
    """What a run counted, by the names of report.json (`COUNTED`)."""
    return {
        "offered_rps": results.throughput.offered_rps,
        "throughput_rps": results.throughput.answered_rps,
        "texts_per_s": results.throughput.texts_per_s,
        "requests": results.requests.ended,
        "failures": results.requests.failed,
        "dropped": results.requests.dropped,
        "late": results.lateness.late,
        "behind": results.lateness.behind,
        "cache_hit_rate": results.hits.rate,
    }
