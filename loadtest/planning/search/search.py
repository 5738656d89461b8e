"""The search: which rate is tried next, and when enough is known.

Pure apart from the trials that it is given.

1. Steps: the first rate is doubled until one fails; a failure counts once two of at most three
   trials at that rate failed.
2. Bisection on a log scale: each trial is made at the median of where the edge may lie (`edge.py`),
   which halves what is not known, until the 95 % interval is within ± the resolution. Rates lie on
   a grid of that resolution, so that those near the edge are repeated.

A run in which the generator did not keep up says nothing of the system: it is repeated once, and
then ends the search. Neither does one that missed the SLO while other work had much of the machine:
it is repeated twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from loadtest.generator.measure import GeneratorError
from loadtest.planning.search.bounds import Bounds
from loadtest.planning.search.edge import Edge, locate
from loadtest.planning.search.trial import Trial
from loadtest.target.client import NoAnswerError
from loadtest.target.readiness import TargetError
from loadtest.workload.workload import WorkloadError

GROWTH = 2.0
MAJORITY = 2
REPEATS = {"generator": 1, "contention": 2}
"""How often a run is repeated, by what spoilt it."""
FAULTS = (NoAnswerError, TargetError, GeneratorError, WorkloadError)
"""Why a trial cannot be made."""
Outcome = Literal["found", "lowest_fails", "generator", "contention", "ceiling", "most_trials", "interrupted", "broken"]
OnTrial = Callable[[Trial, Edge | None], None]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found. `outcome`, why it ended:

    found          the interval is as narrow as was asked for
    lowest_fails   the first rate fails
    generator      the generator could not keep up
    contention     other work took too much of the machine to tell
    ceiling        the highest rate that was to be tried passes
    most_trials    no more trials were allowed
    interrupted    ended by hand
    broken         a trial could not be made; `reason` says why

    `edge` is None unless trials passed and trials failed: there is no interval without both.
    """

    outcome: Outcome
    trials: tuple[Trial, ...]
    edge: Edge | None
    reason: str = ""

    @property
    def rate_rps(self) -> float | None:
        """The highest rate within the SLO: the one at which half of the trials pass."""
        return None if self.edge is None else self.edge.half.rps

    @property
    def interval_rps(self) -> tuple[float, float] | None:
        """95 % interval of `rate_rps`."""
        return None if self.edge is None else (self.edge.half.low_rps, self.edge.half.high_rps)

    @property
    def safe_rps(self) -> float | None:
        """The rate at which nine of ten trials pass."""
        return None if self.edge is None else self.edge.safe.rps

    @property
    def safe_interval_rps(self) -> tuple[float, float] | None:
        """95 % interval of `safe_rps`."""
        return None if self.edge is None else (self.edge.safe.low_rps, self.edge.safe.high_rps)

    @property
    def is_headrace(self) -> bool:
        """Whether the server that was searched is Headrace, as far as is known."""
        return all(trial.results is None or trial.results.is_headrace for trial in self.trials)

    @property
    def best(self) -> Trial | None:
        """The latest passed trial at the highest rate that is not above the interval."""
        most = float("inf") if self.edge is None else self.edge.half.high_rps
        held = [trial for trial in self.trials if trial.held and trial.rate_rps <= most]
        return max(reversed(held), key=lambda trial: trial.rate_rps, default=None)


def nobody(_trial: Trial, _edge: Edge | None) -> None:
    """The listener that ignores trials."""


def search(trial_at: Callable[[float], Trial], bounds: Bounds, on_trial: OnTrial = nobody) -> Found:
    """Find the highest rate within an SLO.

    Ctrl-C ends the search early, with what was found until then.

    Args:
        trial_at: runs and judges a load of that many requests/s (`trials.Trials`).
        bounds: where to begin, how near to come, when to give up.
        on_trial: called after each trial with what is known by then.

    Raises:
        NoAnswerError, TargetError, GeneratorError, WorkloadError: the very first trial could not be
            made. A later trial that cannot be made ends the search as `broken`.
    """
    trials: list[Trial] = []
    try:
        return Found(_explore(trial_at, bounds, trials, on_trial), tuple(trials), _edge(trials))
    except KeyboardInterrupt:
        return Found("interrupted", tuple(trials), _edge(trials))
    except FAULTS as exc:
        if not trials:
            raise
        return Found("broken", tuple(trials), _edge(trials), reason=str(exc))


def _explore(trial_at: Callable[[float], Trial], bounds: Bounds, trials: list[Trial], on_trial: OnTrial) -> Outcome:
    """Make trials until one outcome is certain."""
    rate_rps = bounds.first_rps
    while len(trials) < bounds.most_trials:
        trial = trial_at(rate_rps)
        trials.append(trial)
        edge = _edge(trials)
        on_trial(trial, edge)
        if trial.spoilt_by is not None:
            in_vain = len(list(takewhile(lambda tried: not tried.counts, reversed(trials))))
            if in_vain > REPEATS[trial.spoilt_by]:
                return trial.spoilt_by
            continue
        if not _fails(trials, max(tried.rate_rps for tried in trials)):
            if trial.passed and rate_rps >= bounds.most_rps:
                return "ceiling"
            # a failed rate is tried again before the failure counts
            rate_rps = min(rate_rps * GROWTH, bounds.most_rps) if _holds(trials, rate_rps) else rate_rps
            continue
        if edge is None:
            return "lowest_fails"
        if edge.half.half_width <= bounds.resolution:
            return "found"
        rate_rps = bounds.on_grid(edge.half.rps)
        if rate_rps == bounds.first_rps and _fails(trials, rate_rps):
            return "lowest_fails"
    return "most_trials"


def _edge(trials: list[Trial]) -> Edge | None:
    passed = {trial.passed for trial in trials if trial.counts}
    return locate(trials) if passed == {True, False} else None


def _fails(trials: list[Trial], rate_rps: float) -> bool:
    passes, fails = _counts(trials, rate_rps)
    return fails >= MAJORITY and fails > passes


def _holds(trials: list[Trial], rate_rps: float) -> bool:
    passes, fails = _counts(trials, rate_rps)
    return passes > fails or passes >= MAJORITY


def _counts(trials: list[Trial], rate_rps: float) -> tuple[int, int]:
    results = [trial.passed for trial in trials if trial.rate_rps == rate_rps and trial.counts]
    return sum(results), len(results) - sum(results)
