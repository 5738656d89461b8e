"""What a comparison says: sentences and figures of the terminal and of the page. Pure."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from loadtest.planning.comparison.comparison import PAIRS, SEARCHES, SECONDS_APART, SECONDS_PAIRED, Comparison
from loadtest.planning.comparison.condition import Condition, Judgement
from loadtest.planning.comparison.difference import Difference
from loadtest.planning.comparison.runs import BETWEEN_RUNS, BETWEEN_RUNS_MS
from loadtest.results.figures import milliseconds, number

Judged = Sequence[tuple[Condition, Judgement]]
ALLOWED = (
    f"{BETWEEN_RUNS:.0%} and {BETWEEN_RUNS_MS:g} ms of latency for what one run a side cannot show, how runs vary: "
    "--before and --after take several"
)
SEVERAL = "give several runs a side, measured in turn: --before A1 A2 A3 A4 --after B1 B2 B3 B4"
NEEDED = {
    SECONDS_PAIRED: SEVERAL,
    SECONDS_APART: SEVERAL,
    PAIRS: "give more or longer runs a side",
    SEARCHES: "search with a smaller --resolution, or give several searches a side",
}
METHODS = {
    SECONDS_PAIRED: f"95 % intervals by drawing blocks of seconds, in pairs, and {ALLOWED}",
    SECONDS_APART: "95 % intervals by drawing blocks of seconds of each run apart, since they were not sent the same in the same seconds, "
    f"and {ALLOWED}",
    PAIRS: "95 % intervals by Student's t over the pairs",
    SEARCHES: "95 % intervals from those of the searches",
}


class Verdict(NamedTuple):
    """A sentence or two, and the tone that colours them.

    `warn`: it cannot be told. Without conditions a difference is neither good nor bad.
    """

    sentence: str
    tone: Literal["good", "bad", "warn"]


def verdict(comparison: Comparison, judged: Judged) -> Verdict:
    """What a reader should know if they read nothing else."""
    if comparison.failures:
        nothing = f"Nothing to compare in {' '.join(comparison.failures)}"
        return Verdict(f"CANNOT TELL. {nothing}", "warn") if comparison.open_failure else Verdict(nothing, "bad")
    said = _differences(comparison)
    met, unknown, passed = (
        ", ".join(condition.text for condition, judgement in judged if judgement == asked) for asked in ("met", "unknown", "not met")
    )
    spite = "" if comparison.is_clear else ", in spite of what hid the systems"
    if met:
        return Verdict(f"FAILED ({met}){spite}. {said}", "bad")
    if unknown:
        why = f"chance may have done it; {NEEDED[comparison.method]}"
        if not comparison.is_clear:
            why = "the machine or the generator hid the systems; measure again when the machine is quiet, or several runs a side"
        return Verdict(f"CANNOT TELL ({unknown}): {why}. {said}", "warn")
    tone: Literal["good", "warn"] = "good" if comparison.is_clear else "warn"
    return Verdict(f"Passed ({passed}){spite}. {said}" if judged else said, tone)


def _differences(comparison: Comparison) -> str:
    certain = [f"{difference.metric} {change_shown(difference)}" for difference in comparison.differences if difference.certain]
    if not comparison.is_clear:
        if not certain:
            return "No difference that could not be chance was measured, and what the systems differ in cannot be told."
        return f"Cannot tell what the systems differ in; as measured, they differ in {', '.join(certain)}."
    return f"Different: {', '.join(certain)}." if certain else "No difference that could not be chance."


def certainty(comparison: Comparison, difference: Difference) -> str:
    """What there is to say of one difference: `differs`, or why it is open."""
    if difference.change_interval is None:
        return "too few to tell"
    if not comparison.is_clear:
        return "cannot tell"
    return "differs" if difference.certain else "within chance"


def value_shown(difference: Difference, value: float) -> str:
    """A value of the difference's metric with its unit."""
    if difference.kind == "latency":
        return milliseconds(value)
    if difference.kind == "share":
        return f"{value:.2%}"
    return f"{value:,.3g} USD" if difference.kind == "price" else f"{number(value)}/s"


def change_shown(difference: Difference, change: float | None = None) -> str:
    """A change of the difference's metric (its own where none is given): `+4.1%`, `+0.10 pp`."""
    shown = difference.change if change is None else change
    return f"{shown * 100:+.2f} pp" if difference.kind == "share" else f"{shown:+.1%}"


def interval_shown(difference: Difference) -> str:
    """The 95 % interval of the change; empty where there is none."""
    seen = difference.change_interval
    return "" if seen is None else f"{change_shown(difference, seen.low)} … {change_shown(difference, seen.high)}"
