"""The verdict of a load test in one sentence, and whether it is good news. Pure."""

from typing import Literal, NamedTuple

from loadtest.results.results import Results
from loadtest.results.verdict import keeps_up

FEWEST_FAILURES_OF_AN_END = 3
"""Fewer failures than these at the end of a run may be chance."""


class Headline(NamedTuple):
    """A sentence, and the tone that colours it.

    `warn`: the figures hold, but for less than was asked for.
    """

    sentence: str
    tone: Literal["good", "bad", "warn"]


def headline(results: Results) -> Headline:
    """What a reader should know if they read nothing else."""
    if results.problem:
        return Headline(_with_slo(results, results.problem), "bad")
    if results.latency.summary_ms is None:
        return Headline(_with_slo(results, f"Not one of {results.requests.ended:,} requests was answered well."), "bad")
    if not keeps_up(results):
        return Headline("The load generator could not keep up, so this run does not say what the system can do.", "bad")
    silent_s = silent_from_s(results)
    if silent_s is not None:
        silent = f"Nothing was answered after second {silent_s:g} of {results.elapsed_s:.0f}."
        return Headline(_with_slo(results, silent), "bad")
    check = results.slo_check
    generator = " and the load generator kept up" if results.loop == "open" else ""
    if results.generators.lost:
        sentence = f"{results.generators.lost} of {results.scenario.workers} load generators were lost, with what they saw."
        return Headline(_with_slo(results, sentence), "bad")
    if check is not None and check.misses:
        kept = "; the load generator kept up" if results.loop == "open" else ""
        return Headline(f"Misses the SLO {check.slo} ({', '.join(check.misses)}){kept}.", "bad")
    whole = (
        f", until it was ended by hand after {results.elapsed_s:.1f} of {results.scenario.duration_s:g} s" if results.interrupted else ""
    )
    tone: Literal["good", "warn"] = "warn" if results.interrupted else "good"
    if check is not None:
        return Headline(f"Holds the SLO {check.slo}{_comma(generator)}{whole}.", tone)
    if results.requests.unanswered:
        unanswered = f"{results.requests.unanswered:,} of {results.requests.due:,} requests got no good answer"
        return Headline(f"{unanswered}{_comma(generator)}{whole}.", "bad")
    return Headline(f"Every request was answered{_comma(generator)}{whole}.", tone)


def silent_from_s(results: Results) -> float | None:
    """The second from which on nothing was answered, though requests were sent and failed.

    None where requests were answered to the end.
    """
    last = max((index for index, part in enumerate(results.series) if part.answered), default=-1)
    silent = results.series[last + 1 :]
    failures = sum(part.failed + part.dropped for part in silent)
    asked = sum(part.offered for part in silent)
    return silent[0].start_s if silent and asked and failures >= FEWEST_FAILURES_OF_AN_END else None


def _with_slo(results: Results, sentence: str) -> str:
    return sentence if results.slo_check is None else f"Misses the SLO {results.slo_check.slo}: {sentence}"


def _comma(clause: str) -> str:
    return f",{clause}" if clause else ""
