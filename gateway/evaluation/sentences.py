"""What a comparison says to its owner, in one sentence. Pure."""

import math

from gateway.statistics.comparison import Comparison
from gateway.statistics.decision import Decision
from gateway.statistics.guardrail import Guardrail, Verdict
from gateway.statistics.interval import Interval

_STOP = {Decision.BETTER: "you may stop now", Decision.WORSE: "you may stop now", Decision.NO_DIFFERENCE: "you may stop now"}


def of_comparison(variant: str, decision: Decision, found: Comparison | None, missing_units: int | None) -> str:
    """Such as "treatment is better: +2.1 % to +4.0 %; 14,210 units; you may stop now"."""
    if decision is Decision.BLOCKED:
        return f"{variant}: nothing can be concluded, since the units' split does not fit the weights"
    if found is None:
        return f"{variant}: nothing is known yet; both arms need units whose values differ"
    says = f"{variant} {_IS[decision]}: {_range(found, decision)}; {found.units:,} units"
    if decision in _STOP:
        return f"{says}; {_STOP[decision]}"
    return f"{says}; {missing_units:,} more are planned" if missing_units else says


def of_guardrail(variant: str, guardrail: Guardrail, margin: float) -> str:
    """Such as "treatment is safe: the harm is at most 0.004, and 0.01 does not count"."""
    harm = guardrail.harm
    match guardrail.verdict:
        case Verdict.HARMFUL:
            return f"{variant} is harmful: the harm is at least {harm.low:.4g}, and only {margin:.4g} does not count"
        case Verdict.SAFE:
            return f"{variant} is safe: the harm is at most {harm.high:.4g}, and {margin:.4g} does not count"
        case Verdict.NOT_ENOUGH_KNOWN:
            more = guardrail.missing_units
            needed = f"about {more:,} more units would show that it is safe" if more else "no number of units shows that it is safe"
            return f"{variant}: not enough is known; {needed}"


_IS = {
    Decision.BETTER: "is better",
    Decision.WORSE: "is worse",
    Decision.NO_DIFFERENCE: "makes no difference that counts",
    Decision.NOT_ENOUGH_KNOWN: "is not known well enough",
}


def _range(found: Comparison, decision: Decision) -> str:
    """The relative interval where it has ends, else that of the difference.

    Of few units the lift is known less well than the difference that is decided by: where it leaves
    open what is decided, the difference is shown.
    """
    relative = found.relative_interval
    undecided = decision in (Decision.BETTER, Decision.WORSE) and relative.low <= 0 <= relative.high
    if math.isfinite(relative.low) and math.isfinite(relative.high) and not undecided:
        return _joined(Interval(100 * relative.low, 100 * relative.high), " %", "+.1f")
    return _joined(found.interval, "", "+.4g")


def _joined(interval: Interval, unit: str, shape: str) -> str:
    return f"{interval.low:{shape}}{unit} to {interval.high:{shape}}{unit}"
