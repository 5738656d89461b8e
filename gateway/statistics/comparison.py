"""Two arms compared: an interval and a p-value for the difference and the relative lift. Pure.

How, depends on what there is, and the result says it:

- events that an arm has fewer than ten of: the exact event test, since their means are not normal;
- fewer than 500 units in an arm: anytime-valid t, since the variance is known badly;
- otherwise the asymptotic confidence sequence, narrowest at the planned sample.

All of them hold at every look.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from gateway.statistics import event_test, normal_mixture, student_mixture
from gateway.statistics.arm import Arm, Epochs, standardized, usable
from gateway.statistics.effect import Effect, difference, relative_lift
from gateway.statistics.estimator import Estimator, fitted
from gateway.statistics.event_test import EventCounts
from gateway.statistics.interval import EVERYTHING, Interval, around
from gateway.statistics.moments import Moments
from gateway.statistics.rate import rate_difference, rate_interval, rate_lift

LEAST_EVENTS = 10
"""In each arm, units with the event and units without it, for means that are about normal."""
LEAST_UNITS = 500
"""In each arm, for a variance that may be taken as known."""


class Method(StrEnum):
    """How an interval was made."""

    CONFIDENCE_SEQUENCE = "confidence sequence"
    ANYTIME_T = "anytime-valid t"
    EVENT_TEST = "exact event test"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Treatment against control.

    `control` and `treatment` are the arms' values without adjustment; `difference` is treatment
    minus control, adjusted where there is a covariate, in the metric's unit; `relative` is it as a
    share of the control's value, None where that is 0. `p_value` is of no difference.
    """

    method: Method
    control: float
    treatment: float
    units: int
    difference: float
    interval: Interval
    relative: float | None
    relative_interval: Interval
    p_value: float


def compare(
    epochs: Epochs,
    *,
    planned_units: float,
    alpha: float = 0.05,
    ratio: bool = False,
    covariate: bool = False,
    share: float | None = None,
) -> Comparison | None:
    """Compare the sums of the control and the treatment, epoch by epoch.

    Args:
        epochs: (control, treatment) of each epoch; `ratio` and `covariate` say what their values
            are. Epochs without two units in each arm are left out.
        planned_units: units of both arms at which the interval is to be narrowest.
        alpha: the probability that an interval is ever wrong.
        share: the treatment's share of both arms' units by the weights. Without it, or with several
            epochs, it is taken from the units.

    Returns:
        None where there is nothing to compare yet: too few units, a denominator of 0, or values
        that do not vary.
    """
    pairs = usable(epochs)
    if not pairs:
        return None
    if not ratio and not covariate and _rare(pairs):
        return _of_events(pairs, alpha, share)
    try:
        estimator = fitted([arm for pair in pairs for arm in pair], ratio=ratio) if covariate else Estimator(ratio)
        return _of_means(pairs, estimator, normal_mixture.tuning(planned_units, alpha), alpha)
    except ZeroDivisionError:
        return None


def _rare(pairs: Epochs) -> bool:
    """Whether these are events, with too few of them or of their absence in an arm."""
    if any(arm.degrees_lost for pair in pairs for arm in pair):
        return False
    return any(_least(arms) < LEAST_EVENTS for arms in zip(*pairs, strict=True))


def _least(arms: tuple[Moments, ...]) -> float:
    events, units = sum(arm.sums[0] for arm in arms), sum(arm.units for arm in arms)
    return min(events, units - events)


def _of_means(pairs: Epochs, estimator: Estimator, rho2: float, alpha: float) -> Comparison | None:
    control, treatment = standardized(pairs)
    effect = difference(control, treatment, estimator)
    if not effect.standard_error > 0:
        return None
    few = min(control.units, treatment.units) < LEAST_UNITS
    reach = _few_units(rho2, alpha) if few else _many_units(rho2, alpha)
    z = effect.estimate / effect.standard_error
    base = estimator.unadjusted(control.means).value
    lift = relative_lift(control, treatment, estimator) if base else None
    return Comparison(
        Method.ANYTIME_T if few else Method.CONFIDENCE_SEQUENCE,
        base,
        estimator.unadjusted(treatment.means).value,
        effect.units,
        effect.estimate,
        around(effect.estimate, reach(effect)),
        lift.estimate if lift else None,
        around(lift.estimate, reach(lift)) if lift else EVERYTHING,
        student_mixture.p_value(z, effect.units, effect.degrees, rho2) if few else normal_mixture.p_value(z, effect.units, rho2),
    )


def _few_units(rho2: float, alpha: float) -> Callable[[Effect], float]:
    return lambda effect: effect.standard_error * student_mixture.critical_value(effect.units, effect.degrees, rho2, alpha)


def _many_units(rho2: float, alpha: float) -> Callable[[Effect], float]:
    return lambda effect: effect.standard_error * normal_mixture.critical_value(effect.units, rho2, alpha)


def _of_events(pairs: Epochs, alpha: float, share: float | None) -> Comparison:
    """By the exact event test with half of α; the other half bounds the arms' rates."""
    control, treatment = standardized(pairs)
    absence = treatment.means[0] + control.means[0] > 1
    counts = [_counts(pair, absence, share if len(pairs) == 1 else None) for pair in pairs]
    mine, theirs = _rate(control, alpha / 4), _rate(treatment, alpha / 4)
    ratio = event_test.ratio_interval(counts, alpha / 2)
    change = treatment.means[0] - control.means[0]
    return Comparison(
        Method.EVENT_TEST,
        control.means[0],
        treatment.means[0],
        control.units + treatment.units,
        change,
        _signed(rate_difference(mine, theirs), ratio, absence),
        change / control.means[0] if control.means[0] else None,
        _signed(rate_lift(mine, theirs), ratio, absence) if absence else Interval(ratio.low - 1, ratio.high - 1),
        min(1.0, 2 * event_test.p_value(counts)),
    )


def _signed(interval: Interval, ratio: Interval, absence: bool) -> Interval:
    """What is left of an interval of a difference, where the rate ratio tells its sign."""
    more, less = (ratio.high < 1, ratio.low > 1) if absence else (ratio.low > 1, ratio.high < 1)
    return Interval(max(interval.low, 0.0) if more else interval.low, min(interval.high, 0.0) if less else interval.high)


def _counts(pair: tuple[Moments, Moments], absence: bool, share: float | None) -> EventCounts:
    control, treatment = pair
    seen = [arm.units - arm.sums[0] if absence else arm.sums[0] for arm in pair]
    return EventCounts(seen[0], seen[1], share or treatment.units / (control.units + treatment.units))


def _rate(arm: Arm, alpha: float) -> Interval:
    return rate_interval(arm.means[0] * arm.units, arm.units, alpha)
