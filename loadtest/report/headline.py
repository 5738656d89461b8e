"""The verdict of a load test in one sentence, and whether it is good news. Pure."""

from typing import Literal, NamedTuple

from loadtest.results.figures import plural
from loadtest.results.results import Results
from loadtest.results.slo_check import silent_from_s
from loadtest.slo import ERRORS


class Headline(NamedTuple):
    """A sentence, and the tone that colours it.

    `warn`: the figures hold for less than was asked for, or do not tell what was asked for.
    """

    sentence: str
    tone: Literal["good", "bad", "warn"]


def headline(results: Results) -> Headline:
    """What a reader should know if they read nothing else."""
    if results.problem:
        return Headline(_not_known(results, results.problem), "bad")
    if not results.kept_up:
        return Headline(
            _not_known(results, "The load generator could not keep up, so this run does not say what the system can do."), "warn"
        )
    if results.generators.lost:
        lost = f"{results.generators.lost} of {plural(results.scenario.workers, 'load generator')} {_was(results.generators.lost)} lost"
        return Headline(_not_known(results, f"{lost}, with what they saw."), "bad")
    if results.latency.summary_ms is None:
        return _missed(results, f"Not one of {plural(results.requests.ended, 'request')} was answered well.")
    silent_s = silent_from_s(results.series)
    if silent_s is not None:
        return _missed(results, f"Nothing was answered after second {silent_s:g} of {results.elapsed_s:.0f}.")
    return _of_a_whole_run(results)


def _of_a_whole_run(results: Results) -> Headline:
    check, requests = results.slo_check, results.requests
    generator = " and the load generator kept up" if results.loop == "open" else ""
    if check is not None and check.misses:
        missed = f"the SLO {check.slo} ({', '.join(check.misses)})"
        if results.doubts:
            return Headline(f"Cannot tell whether the system holds {missed}: {'; '.join(results.doubts)}.", "warn")
        kept = "; the load generator kept up" if results.loop == "open" else ""
        return Headline(f"Misses {missed}{kept}.", "bad")
    whole = (
        f", until it was ended by hand after {results.elapsed_s:.1f} of {results.scenario.duration_s:g} s" if results.interrupted else ""
    )
    doubts = results.doubts
    spite = f", while {'; '.join(doubts)}" if doubts else ""
    tone: Literal["good", "warn"] = "warn" if results.interrupted or doubts else "good"
    unanswered = f"{requests.unanswered:,} of {plural(requests.due, 'request')} got no good answer"
    if check is not None:
        bounds_errors = any(objective.metric == ERRORS for objective in check.slo.objectives)
        if requests.unanswered and not bounds_errors:
            return Headline(f"Holds the SLO {check.slo}, which says nothing of errors: {unanswered}{whole}{spite}.", "warn")
        return Headline(f"Holds the SLO {check.slo}{_comma(generator)}{whole}{spite}.", tone)
    if requests.unanswered:
        return Headline(f"{unanswered}{_comma(generator)}{whole}{spite}.", "warn" if doubts else "bad")
    return Headline(f"Every request was answered{_comma(generator)}{whole}{spite}.", tone)


def _missed(results: Results, sentence: str) -> Headline:
    if results.slo_check is None:
        return Headline(sentence, "bad")
    if results.doubts:
        return Headline(_not_known(results, f"{sentence.removesuffix('.')}, while {'; '.join(results.doubts)}."), "warn")
    return Headline(f"Misses the SLO {results.slo_check.slo}: {sentence}", "bad")


def _not_known(results: Results, sentence: str) -> str:
    return sentence if results.slo_check is None else f"Cannot tell whether the SLO {results.slo_check.slo} is held: {sentence}"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _comma(clause: str) -> str:
    return f",{clause}" if clause else ""
