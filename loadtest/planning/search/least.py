"""Whether a search found as high a rate as was asked for, or any at all. Pure."""

import math

from loadtest.planning.search.search import Found
from loadtest.results.results import SloVerdict

JUDGED_WORDS: dict[SloVerdict, str] = {"held": "Passed", "missed": "FAILED", "unknown": "CANNOT TELL"}
ENDED = {"found", "ceiling", "most_trials"}


def judge_any(found: Found) -> SloVerdict:
    """`held` where a rate was found, `missed` where the lowest rate misses the SLO.

    Else it is `unknown`.
    """
    if found.outcome == "lowest_fails":
        return "missed"
    return "held" if found.outcome in ENDED and (found.edge is not None or found.outcome == "ceiling") else "unknown"


def judge_least(found: Found, least_rps: float) -> SloVerdict:
    """Whether the highest rate within the SLO is `least_rps` or more.

    It is `held` where no part of the 95 % interval lies below, `missed` where all of it does, and
    `unknown` where a part of it does or there is none.
    """
    if found.outcome == "lowest_fails":
        # it is missed at this rate and at any above it, and nothing is known below
        low_rps, high_rps = 0.0, math.nextafter(min(trial.rate_rps for trial in found.trials), 0.0)
    elif found.interval_rps is not None:
        low_rps, high_rps = found.interval_rps
    elif found.outcome == "ceiling":
        low_rps, high_rps = max(trial.rate_rps for trial in found.trials if trial.held), math.inf
    else:
        return "unknown"
    if low_rps >= least_rps:
        return "held"
    return "missed" if high_rps < least_rps else "unknown"
