"""What a search found, in a sentence or two, and what speaks against it. Pure."""

from loadtest.planning.search.bounds import Bounds
from loadtest.planning.search.search import Found
from loadtest.results.figures import number, plural
from loadtest.results.verdict import cautions as cautions_of_a_run
from loadtest.scenario.loop import OpenLoop
from loadtest.scenario.scenario import Scenario
from loadtest.slo import Slo
from loadtest.workload.server import NOT_HEADRACE

FEW_BEHIND = 10
LONG_AGAINST_THE_BOUND = 20
MS_PER_S = 1e3


def sentence(found: Found, slo: Slo, bounds: Bounds) -> str:
    """The verdict: the rate, or why there is none.

    It says, too, why a search did not come to its end.
    """
    if found.outcome == "lowest_fails":
        lowest = min(found.trials, key=lambda trial: trial.rate_rps)
        why = next((trial.misses for trial in found.trials if trial.rate_rps == lowest.rate_rps and trial.counts and not trial.passed), ())
        return f"{slo} is not kept at the lowest rate that was tried, {rate(lowest.rate_rps)} ({'; '.join(why)}). Try a lower --first-rate."
    said = _known(found, slo)
    if found.outcome == "broken":
        return f"The search ended in trial {len(found.trials) + 1}: {found.reason} {said}" if found.trials else f"{found.reason} {said}"
    if found.outcome == "interrupted":
        return f"The search was ended by hand {_when(len(found.trials))}. {said}"
    if found.outcome == "generator":
        spoilt = next(trial for trial in reversed(found.trials) if not trial.counts)
        strain = f" ({spoilt.results.strain})" if spoilt.results is not None and spoilt.results.strain else ""
        return (
            f"The generator could not keep up at {rate(spoilt.rate_rps)}{strain}, so that nothing is known of the system there: "
            f"give it more --workers or cores of its own. {said}"
        )
    if found.outcome == "contention":
        spoilt = next(trial for trial in reversed(found.trials) if not trial.counts)
        took = "" if spoilt.results is None or spoilt.results.contention is None else f" ({spoilt.results.contention})"
        return (
            f"The machine was too busy with other work to tell what the system holds at {rate(spoilt.rate_rps)}{took}: "
            f"search again when it is quiet. {said}"
        )
    ends = {
        "ceiling": f" {rate(bounds.most_rps)} is the highest rate that was to be tried.",
        "most_trials": f" {plural(len(found.trials), 'trial was', 'trials were')} not enough for ± {bounds.resolution:.0%}.",
    }
    return said + ends.get(found.outcome, "")


def cautions(found: Found, scenario: Scenario, slo: Slo) -> list[str]:
    """What a reader must know before trusting the rate, a sentence each."""
    if not found.trials:
        return []
    said = []
    longest_s = max((objective.bound for objective in slo.objectives if objective.metric != "errors"), default=0.0) / MS_PER_S
    if scenario.duration_s < LONG_AGAINST_THE_BOUND * longest_s:
        said.append(
            f"Trials of {scenario.duration_s:g} s are short against a bound of {longest_s:g} s: a line that grows slowly is not seen; "
            f"make --duration {LONG_AGAINST_THE_BOUND * longest_s:g} or more."
        )
    said += _of_the_machine(found)
    if not found.is_headrace:
        said.append(f"{NOT_HEADRACE}, so that there is no profile.json to plan with.")
    best = found.best
    if best is None or best.results is None:
        return said
    requests = best.results.requests.ended
    for objective in slo.objectives:
        quantile = objective.quantile
        behind = requests * (1 - quantile) if quantile is not None else FEW_BEHIND
        if behind < FEW_BEHIND:
            said.append(
                f"Only {behind:.1f} of {plural(requests, 'request')} of a trial stand behind {objective.metric}: a longer --duration "
                "makes it less a matter of chance."
            )
    if isinstance(scenario.loop, OpenLoop):
        said += [caution for caution in cautions_of_a_run(best.results) if "failed" not in caution]
    return said


def _of_the_machine(found: Found) -> list[str]:
    disturbed = [trial for trial in found.trials if trial.disturbed]
    if not disturbed:
        return []
    spoilt = sum(not trial.counts for trial in disturbed)
    seen = [trial.results.contention for trial in disturbed if trial.results is not None and trial.results.contention is not None]
    worst = max(seen, key=lambda one: one.taken_share, default=None)
    said = [
        f"Other work took more than a tenth of the machine in {len(disturbed)} of {plural(len(found.trials), 'trial')}; "
        f"what {spoilt} of them missed does not count."
    ]
    return said + ([worst.named] if worst is not None and worst.named else [])


def rate(rate_rps: float) -> str:
    """`41.5 requests/s`, `1,240 requests/s`."""
    return f"{number(rate_rps)} requests/s"


def _when(trials: int) -> str:
    if not trials:
        return "before its first trial was over"
    return f"after {plural(trials, 'trial')}"


def _known(found: Found, slo: Slo) -> str:
    if found.edge is not None:
        half, safe = found.edge.half, found.edge.safe
        return (
            f"{rate(half.rps)} is the highest rate within {slo} (95 % interval {number(half.low_rps)} to {number(half.high_rps)}); "
            f"nine of ten runs keep it at {rate(safe.rps)}."
        )
    if found.best is not None:
        return f"{slo} is kept at {rate(found.best.rate_rps)}, and how far above is not known."
    return f"Whether {slo} is kept is not known at any rate."
