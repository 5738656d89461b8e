"""Anytime-valid t: confidence sequences for few units, whose variance is known badly. Pure.

They are the normal mixture's with the error of the variance counted in: wider while there are few
degrees of freedom, and the same in the end. r is g / (g + n), where g is 1/ρ² of the normal
mixture.

Source: Lindon, Ham, Tingley, Bojinov, "Anytime-valid linear models and regression adjusted causal
inference in randomized experiments", arXiv 2210.08589.
"""

import math


def critical_value(units: float, degrees: float, rho2: float, alpha: float) -> float:
    """How many standard errors the interval reaches to each side.

    It is infinite where there are too few degrees of freedom to say anything.
    """
    r = 1 / (1 + units * rho2)
    level = math.exp((math.log(r) + 2 * math.log(alpha)) / (degrees + 1))
    if level <= r:
        return math.inf
    return math.sqrt(degrees * (1 - level) / (level - r))


def p_value(t: float, units: float, degrees: float, rho2: float) -> float:
    """The always-valid p-value of a zero effect.

    It is at most α exactly where the interval of level 1 − α leaves out zero.
    """
    r = 1 / (1 + units * rho2)
    ratio = t * t / degrees
    log_e = 0.5 * math.log(r) + 0.5 * (degrees + 1) * (math.log1p(ratio) - math.log1p(r * ratio))
    return math.exp(min(0.0, -log_e))
