"""Confidence sequences of the share of units that something happened to. Pure.

They are exact for any number of units and events, none included. Source: Howard, Ramdas,
McAuliffe, Sekhon, arXiv 1810.08240, section 4.
"""

import math

from gateway.statistics import beta_binomial
from gateway.statistics.bisection import boundary
from gateway.statistics.interval import Interval

_EDGE = 1e-12


def rate_interval(events: float, units: float, alpha: float, *, strength: float = beta_binomial.CONCENTRATION) -> Interval:
    """Every rate p that the mixture Beta(kp, k(1 − p)) has no evidence of 1/α against.

    `strength` is k. Without units it is 0 to 1.

    Raises:
        ValueError: more events than units.
    """
    if not 0 <= events <= units:
        raise ValueError(f"{events:g} events of {units:g} units: count a unit once, however often it happens")
    if units == 0:
        return Interval(0.0, 1.0)
    bound = -math.log(alpha)

    def possible(rate: float) -> bool:
        prior = beta_binomial.around(rate, strength)
        return beta_binomial.log_evidence(events, units - events, rate, prior) < bound

    seen = events / units
    low = boundary(seen, _EDGE, possible) if seen > _EDGE else 0.0
    high = boundary(seen, 1 - _EDGE, possible) if seen < 1 - _EDGE else 1.0
    return Interval(low, high)


def rate_difference(control: Interval, treatment: Interval) -> Interval:
    """Treatment's rate minus control's, from an interval of each.

    The error probabilities of the two add up.
    """
    return Interval(treatment.low - control.high, treatment.high - control.low)


def rate_lift(control: Interval, treatment: Interval) -> Interval:
    """Treatment's rate over control's, less 1, from an interval of each."""
    most = treatment.high / control.low - 1 if control.low > 0 else math.inf
    return Interval(treatment.low / control.high - 1 if control.high > 0 else math.inf, most)
