"""Guardrails: is a treatment harmful, safe, or is not enough known? Pure.

Harm is the treatment's disadvantage in the metric's unit. It is tolerated up to a margin. *Harmful*
says that the harm is above the margin, *safe* that it is below, both at any time with an error of
at most α. Only one of the two can be false, so each has α for itself. With several guardrails
divide α by their number.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from gateway.statistics import event_test, normal_mixture
from gateway.statistics.decision import Direction
from gateway.statistics.event_test import EventCounts
from gateway.statistics.interval import Interval
from gateway.statistics.rate import rate_difference, rate_interval

MOST_UNITS = 10**9
"""More units than anybody waits for."""


class Verdict(StrEnum):
    """What is known about the harm."""

    HARMFUL = "harmful"
    SAFE = "safe"
    NOT_ENOUGH_KNOWN = "not enough known"


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A verdict, the interval of the harm, and the p-value of "harm is within the margin".

    `missing_units` is how many more units of both arms would show that the treatment is safe if the
    arms are alike; 0 where the verdict is there, None where no number of units would be enough.
    """

    verdict: Verdict
    harm: Interval
    p_value: float
    missing_units: int | None


@dataclass(frozen=True, slots=True)
class UnitsWithEvent:
    """How many units an arm has, and how many of them had the event."""

    events: float
    units: float

    def scaled(self, factor: float, rate: float) -> "UnitsWithEvent":
        """As many units times a factor, with events at a rate."""
        return UnitsWithEvent(rate * self.units * factor, self.units * factor)


def judge_events(
    control: UnitsWithEvent,
    treatment: UnitsWithEvent,
    *,
    share: float,
    direction: Direction = "decrease",
    margin: float = 0.0,
    alpha: float = 0.05,
) -> Guardrail:
    """A guardrail on a share of units, however rare: errors, sheds, answers above the objective.

    Without a margin the exact event test finds the harm. A margin is a difference of rates, which
    is bounded by an exact interval of each arm's rate.

    Args:
        share: the treatment's share of both arms' units by the weights.
        direction: `decrease` where events are bad, `increase` where they are good.
    """
    worse, better, part = (treatment, control, share) if direction == "decrease" else (control, treatment, 1 - share)
    one_sided = _harm_of_events(better, worse, alpha)
    counts = [EventCounts(better.events, worse.events, part)]
    p_value = event_test.p_value_above(counts) if margin == 0 else _p_value_above(better, worse, margin)
    verdict = _verdict(p_value <= alpha, one_sided.high < margin)
    return Guardrail(verdict, one_sided, p_value, _missing_events(better, worse, margin, alpha, verdict))


def judge_mean(
    difference: float,
    standard_error: float,
    units: int,
    *,
    rho2: float,
    direction: Direction,
    margin: float = 0.0,
    alpha: float = 0.05,
) -> Guardrail:
    """A guardrail on a mean or a ratio, by one-sided confidence sequences of the difference.

    `rho2` is their tuning, for one side.
    """
    harm = difference if direction == "decrease" else -difference
    reach = standard_error * normal_mixture.one_sided_critical_value(units, rho2, alpha)
    p_value = normal_mixture.one_sided_p_value((harm - margin) / standard_error, units, rho2)
    verdict = _verdict(harm - reach > margin, harm + reach < margin)

    def would_be_safe(factor: float) -> bool:
        more = units * factor
        return standard_error / math.sqrt(factor) * normal_mixture.one_sided_critical_value(more, rho2, alpha) < margin

    return Guardrail(verdict, Interval(harm - reach, harm + reach), p_value, _missing(verdict, units, margin, would_be_safe))


def _verdict(harmful: bool, safe: bool) -> Verdict:
    if harmful:
        return Verdict.HARMFUL
    return Verdict.SAFE if safe else Verdict.NOT_ENOUGH_KNOWN


def _harm_of_events(better: UnitsWithEvent, worse: UnitsWithEvent, alpha: float) -> Interval:
    return rate_difference(*(rate_interval(arm.events, arm.units, alpha / 2) for arm in (better, worse)))


def _p_value_above(better: UnitsWithEvent, worse: UnitsWithEvent, margin: float) -> float:
    """The least α at which the interval of the harm lies above the margin, to a thousandth."""
    low, high = math.log(1e-12), 0.0
    if _harm_of_events(better, worse, 1 - 1e-9).low <= margin:
        return 1.0
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (low, middle) if _harm_of_events(better, worse, math.exp(middle)).low > margin else (middle, high)
    return math.exp(high)


def _missing_events(better: UnitsWithEvent, worse: UnitsWithEvent, margin: float, alpha: float, verdict: Verdict) -> int | None:
    units = better.units + worse.units
    rate = (better.events + worse.events) / units if units else 0.0

    def would_be_safe(factor: float) -> bool:
        return _harm_of_events(better.scaled(factor, rate), worse.scaled(factor, rate), alpha).high < margin

    return _missing(verdict, units, margin, would_be_safe)


def _missing(verdict: Verdict, units: float, margin: float, would_be_safe: Callable[[float], bool]) -> int | None:
    """By how many units the present ones fall short, to a hundredth."""
    if verdict is not Verdict.NOT_ENOUGH_KNOWN:
        return 0
    if margin <= 0 or units <= 0:
        return None
    enough = 1.0
    while not would_be_safe(enough):
        enough *= 2
        if enough * units > MOST_UNITS:
            return None
    short = enough / 2
    while enough - short > 0.01 * short:
        middle = (short + enough) / 2
        short, enough = (short, middle) if would_be_safe(middle) else (middle, enough)
    return max(1, math.ceil((enough - 1) * units))
