"""What a search found, as its reports show it. Pure."""

from dataclasses import dataclass

from loadtest.planning.search.bounds import Bounds
from loadtest.planning.search.edge import Estimate
from loadtest.planning.search.least import JUDGED_WORDS, judge_least
from loadtest.planning.search.search import Found, Outcome
from loadtest.planning.search.sentence import cautions, sentence
from loadtest.planning.search.trial import Trial
from loadtest.results.results import Results, SloVerdict
from loadtest.results.summary import Circumstances
from loadtest.scenario.scenario import Scenario
from loadtest.slo import Slo


@dataclass(frozen=True, slots=True)
class SearchSummary:
    """The outcome of a search and what it was asked.

    `rate` is where half of the trials keep the SLO, `safe_rate` where nine of ten do; both are None
    unless trials passed and trials failed. `problem` says why a `broken` search ended, and is empty
    otherwise. `best` holds the results of the passed trial with the highest rate that does not lie
    above the interval. `scenario` has the first rate. `least_rps` is what the rate should at least
    be, None where nothing was asked for, and `least_verdict` whether it is.
    """

    verdict: str
    cautions: tuple[str, ...]
    outcome: Outcome
    problem: str
    slo: Slo
    rate: Estimate | None
    safe_rate: Estimate | None
    trials: tuple[Trial, ...]
    best: Results | None
    bounds: Bounds
    warm_up_s: float
    scenario: Scenario
    around: Circumstances
    least_rps: float | None = None
    least_verdict: SloVerdict | None = None


def summarize_search(
    found: Found,
    slo: Slo,
    bounds: Bounds,
    scenario: Scenario,
    around: Circumstances,
    warm_up_s: float,
    least_rps: float | None = None,
) -> SearchSummary:
    """Put together what a search found with its verdict and what speaks against it."""
    least = None if least_rps is None else judge_least(found, least_rps)
    judged = "" if least is None else f"{JUDGED_WORDS[least]} (--fail-below {least_rps:g}): "
    return SearchSummary(
        verdict=judged + sentence(found, slo, bounds),
        cautions=tuple(cautions(found, scenario, slo)),
        outcome=found.outcome,
        problem=found.reason,
        slo=slo,
        rate=None if found.edge is None else found.edge.half,
        safe_rate=None if found.edge is None else found.edge.safe,
        trials=found.trials,
        best=None if found.best is None else found.best.results,
        bounds=bounds,
        warm_up_s=warm_up_s,
        scenario=scenario,
        around=around,
        least_rps=least_rps,
        least_verdict=least,
    )
