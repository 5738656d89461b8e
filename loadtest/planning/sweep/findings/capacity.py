"""How high a rate a configuration holds within an SLO, from all of its runs. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.planning.search.edge import locate
from loadtest.planning.sweep.point import Point
from loadtest.slo import Slo


@dataclass(frozen=True, slots=True)
class Capacity:
    """The highest rate within an SLO, requests/s, with its 95 % interval, from so many trials.

    `high_rps` is None where nothing failed: the rate is then the highest that was tried, and what
    the configuration holds may be more. `safe_low_rps` is what to plan with: the lower end of the
    interval of the rate at which nine of ten runs pass (None where nothing failed), where half of
    them pass at `rps`.
    """

    rps: float
    low_rps: float
    high_rps: float | None
    trials: int
    safe_low_rps: float | None = None


def capacity(points: Sequence[Point], slo: Slo) -> Capacity | None:
    """The rate that these runs show to be within an SLO, whichever SLO they were made for.

    None where no run was within it. Runs that say nothing of the system do not count.
    """
    trials = [trial for point in points if (trial := point.trial(slo)).counts]
    passed = [trial.rate_rps for trial in trials if trial.passed]
    if not passed:
        return None
    if len(passed) == len(trials):
        return Capacity(max(passed), max(passed), None, len(trials))
    edge = locate(trials)
    half = edge.half
    return Capacity(half.rps, half.low_rps, half.high_rps, len(trials), edge.safe.low_rps)
