"""How many units an experiment needs, and how long that takes. Pure."""

import math
from statistics import NormalDist

from gateway.statistics import normal_mixture

_NORMAL = NormalDist()


def planned_units(effect: float, variance: float, *, power: float = 0.8, alpha: float = 0.05, share: float = 0.5) -> int:
    """Units of both arms after which an effect is found with at least `power` at any look.

    The confidence sequence is narrowest at this number, where it reaches a fixed number of standard
    errors. Those who look on the way find the effect sooner, and with a little more power.

    Args:
        effect: the least difference worth finding, in the metric's unit.
        variance: of the metric between units; p(1 − p) for a share p.
        share: the treatment's share of the units.

    Raises:
        ValueError: an effect of 0, a variance that is not above 0, or a power, α or share outside
            of (0, 1).
    """
    reach = normal_mixture.critical_value(1.0, normal_mixture.growth(alpha), alpha)
    return _units(reach, effect, variance, power, share)


def fixed_horizon_units(effect: float, variance: float, *, power: float = 0.8, alpha: float = 0.05, share: float = 0.5) -> int:
    """Units of both arms for one look at the end, and none before: for comparison.

    The arguments are those of `planned_units`.
    """
    return _units(_NORMAL.inv_cdf(1 - alpha / 2), effect, variance, power, share)


def days(units: int, units_per_day: float, coverage: float = 1.0) -> float:
    """How long it takes until as many new units have come. Infinite without traffic."""
    covered = units_per_day * coverage
    return units / covered if covered > 0 else math.inf


def _units(reach: float, effect: float, variance: float, power: float, share: float) -> int:
    if effect == 0 or not variance > 0:
        raise ValueError("the effect must not be 0, and the variance must be above 0; values that do not vary need no experiment")
    if not 0 < power < 1 or not 0 < share < 1:
        raise ValueError(f"power {power:g} and share {share:g} must be above 0 and below 1")
    deviations = (reach + _NORMAL.inv_cdf(power)) / effect
    return math.ceil(deviations**2 * variance / (share * (1 - share)))
