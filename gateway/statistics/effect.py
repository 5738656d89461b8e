"""The effect of a treatment: a difference of arms, absolute or relative, and its error. Pure.

Source of the relative lift's variance: the delta method on (b − a) / |a|.
"""

import math
from dataclasses import dataclass, replace

from gateway.statistics.arm import Arm
from gateway.statistics.estimator import Estimator


@dataclass(frozen=True, slots=True)
class Effect:
    """An estimated difference, its standard error and the units of both arms.

    `degrees` are the degrees of freedom of the error (Welch and Satterthwaite).
    """

    estimate: float
    standard_error: float
    units: int
    degrees: float


def difference(control: Arm, treatment: Arm, estimator: Estimator) -> Effect:
    """Treatment minus control."""
    a, b = estimator.adjusted(control.means), estimator.adjusted(treatment.means)
    mine, theirs = control.variance_along(a.gradient), treatment.variance_along(b.gradient)
    spread = mine**2 / (control.units - 1) + theirs**2 / (treatment.units - 1)
    degrees = (mine + theirs) ** 2 / spread if spread else math.inf
    return Effect(b.value - a.value, math.sqrt(mine + theirs), control.units + treatment.units, degrees)


def relative_lift(control: Arm, treatment: Arm, estimator: Estimator) -> Effect:
    """The difference as a share of the control's value, unadjusted; 0.1 is ten percent more.

    It has the sign of the difference when the control's value is negative too. Its degrees of
    freedom are those of the difference.

    Raises:
        ZeroDivisionError: the control's value is 0.
    """
    a, b = estimator.adjusted(control.means), estimator.adjusted(treatment.means)
    base = estimator.unadjusted(control.means)
    size, change = abs(base.value), (b.value - a.value) / (base.value * abs(base.value))
    variance = control.variance_along(
        [-mine / size - change * unit for mine, unit in zip(a.gradient, base.gradient, strict=True)]
    ) + treatment.variance_along([theirs / size for theirs in b.gradient])
    absolute = difference(control, treatment, estimator)
    return replace(absolute, estimate=absolute.estimate / size, standard_error=math.sqrt(variance))
