"""Confidence sequences: intervals that hold at all times at once. Pure.

An interval of a fixed horizon is right once. Looked at every hour, it is wrong sooner or later. A
confidence sequence covers the truth at every look with probability 1 − α, so that whoever looks may
stop. It is asymptotic: it asks for means whose errors are about normal.

Each function takes the number of units n of both arms, the z score of the estimate (estimate over
standard error), and ρ², which says at how many units the sequence is narrowest.

Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit theory and
asymptotic confidence sequences", arXiv 2103.06476v7, equations 9, 134, 155 and 161.
"""

import math


def tuning(planned_units: float, alpha: float, *, one_sided: bool = False) -> float:
    """ρ², with which the sequence is narrowest at `planned_units` (equation 161).

    Raises:
        ValueError: no planned units, or an α outside of (0, 1), or of (0, ½) for one side.
    """
    return growth(alpha, one_sided=one_sided) / _positive(planned_units)


def growth(alpha: float, *, one_sided: bool = False) -> float:
    """The n · ρ² at which a sequence of level 1 − α is narrowest.

    Raises:
        ValueError: an α outside of (0, 1), or of (0, ½) for one side.
    """
    level = 2 * alpha if one_sided else alpha
    if not 0 < level < 1:
        raise ValueError(f"alpha is {alpha:g}; it must be above 0 and below {0.5 if one_sided else 1:g}")
    evidence = -2 * math.log(level)
    return evidence + math.log1p(evidence)


def critical_value(units: float, rho2: float, alpha: float) -> float:
    """How many standard errors the interval reaches to each side (equation 9)."""
    spread = units * rho2 + 1
    return math.sqrt(2 * spread / (units * rho2) * (0.5 * math.log(spread) - math.log(alpha)))


def p_value(z: float, units: float, rho2: float) -> float:
    """The always-valid p-value of a zero effect (equation 155).

    It is at most α exactly where the interval of level 1 − α leaves out zero.
    """
    spread = units * rho2 + 1
    return _capped(0.5 * math.log(spread) - z * z * units * rho2 / (2 * spread))


def one_sided_critical_value(units: float, rho2: float, alpha: float) -> float:
    """How many standard errors a bound on one side lies from the estimate (equation 134)."""
    spread = units * rho2 + 1
    return math.sqrt(2 * spread / (units * rho2) * math.log1p(math.sqrt(spread) / (2 * alpha)))


def one_sided_p_value(z: float, units: float, rho2: float) -> float:
    """The always-valid p-value of "not above zero": equation 134 solved for α.

    It is 1 where the estimate is not above zero.
    """
    if z <= 0:
        return 1.0
    spread = units * rho2 + 1
    evidence = z * z * units * rho2 / (2 * spread)
    return _capped(0.5 * math.log(spread) - math.log(2) - _log_expm1(evidence))


def _log_expm1(value: float) -> float:
    """ln(eᵛ − 1), for values that eᵛ has no room for too; v > 0."""
    return value + math.log(-math.expm1(-value))


def _capped(log_p: float) -> float:
    return math.exp(min(0.0, log_p))


def _positive(planned_units: float) -> float:
    if not planned_units > 0:
        raise ValueError(f"planned_units is {planned_units:g}; plan on one unit or more")
    return planned_units
