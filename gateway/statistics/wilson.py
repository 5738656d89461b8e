"""Wilson's interval of a share, for one look. Pure.

Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
Journal of the American Statistical Association 22, 1927.
"""

from math import sqrt
from statistics import NormalDist

from gateway.statistics.interval import Interval


def wilson(events: int, units: int, alpha: float) -> Interval:
    """The interval of level 1 − α of the share that `events` of `units` are of.

    Raises:
        ValueError: no units, or more events than units.
    """
    if not 0 <= events <= units or not units:
        raise ValueError(f"{events} events of {units} units")
    z2 = NormalDist().inv_cdf(1 - alpha / 2) ** 2
    middle = (events + z2 / 2) / (units + z2)
    reach = sqrt(z2 * (events * (units - events) / units + z2 / 4)) / (units + z2)
    return Interval(max(0.0, middle - reach), min(1.0, middle + reach))
