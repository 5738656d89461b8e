"""Spot instances that are taken away: what they cost once the gaps are covered. Pure.

The model is an alternating renewal process (S. M. Ross, "Introduction to Probability Models",
chapter 7). An instance serves for an exponential time with rate λ (interruptions per hour). Then it
is missing for d hours, until a replacement is there and warm, less the notice that the cloud gives.
So it is there for the share

    a = 1 / (1 + λ d)

of the time. Instances are taken independently of each other. A cloud that takes a whole pool at
once is worse than this; a share of the fleet on demand helps against that. There are two ways to
cover a gap:

    on demand: an on-demand instance stands in while one is missing
               price = spot (a + λ r a) + on demand (1 - a)
    spares:    of n instances, the N that are needed are there with probability 1 - ε
               price = n / N × spot

(λ r a: the replacement is paid while it starts and warms up, for r hours.)
"""

import math
from dataclasses import dataclass

from loadtest.cost.fleet import HOURS_PER_MONTH
from loadtest.cost.per_million import SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True)
class Interruptions:
    """How a cloud takes instances away.

    `per_hour` is λ of one instance, and `replace_s` the time until a new one is bought, started and
    warm (its models are loaded). `notice_s` is how long before the interruption the cloud gives
    notice, so that a replacement can already start (120 s at AWS, 30 s at Google and Azure).

    Raises:
        ValueError: a negative number.
    """

    per_hour: float
    replace_s: float
    notice_s: float = 0.0

    def __post_init__(self) -> None:
        if min(self.per_hour, self.replace_s, self.notice_s) < 0:
            raise ValueError("interruptions per hour, seconds to replace and seconds of notice must not be negative")

    @property
    def missing_h(self) -> float:
        """Hours for which the instance is missing after one interruption, d."""
        return max(self.replace_s - self.notice_s, 0.0) / SECONDS_PER_HOUR

    @property
    def availability(self) -> float:
        """The share of time that an instance is there and warm, a."""
        return 1 / (1 + self.per_hour * self.missing_h)


def hourly_rate(share_per_month: float) -> float:
    """λ per hour, from the share of instances that are interrupted within a month of 730 hours.

    The share is from 0 to under 1. AWS's Spot Instance Advisor publishes it in bands: < 5 %,
    5–10 %, 10–15 %, 15–20 %, > 20 %.

    Raises:
        ValueError: a share outside 0 to under 1.
    """
    if not 0 <= share_per_month < 1:
        raise ValueError("the share interrupted per month must be at least 0 and less than 1")
    return -math.log1p(-share_per_month) / HOURS_PER_MONTH


def covered_price(spot_usd_per_hour: float, on_demand_usd_per_hour: float, interruptions: Interruptions) -> float:
    """US dollars per hour of one instance that is always there.

    It is a spot instance, with an on-demand instance in each gap. Without interruptions the price
    is the spot price. It exceeds the on-demand price only where starting replacements eats the
    discount.

    Raises:
        ValueError: a negative price.
    """
    if min(spot_usd_per_hour, on_demand_usd_per_hour) < 0:
        raise ValueError("prices must not be negative")
    there = interruptions.availability
    starting = interruptions.per_hour * interruptions.replace_s / SECONDS_PER_HOUR
    return spot_usd_per_hour * there * (1 + starting) + on_demand_usd_per_hour * (1 - there)


def mixed_price(spot_usd_per_hour: float, on_demand_usd_per_hour: float, interruptions: Interruptions, on_demand_share: float) -> float:
    """US dollars per hour and instance of a fleet that is partly bought on demand.

    The share `on_demand_share` (0 to 1) is on demand, and the rest covered spot instances.

    Raises:
        ValueError: a share outside 0 to 1, or a negative price.
    """
    if not 0 <= on_demand_share <= 1:
        raise ValueError("the on-demand share must be from 0 to 1")
    covered = covered_price(spot_usd_per_hour, on_demand_usd_per_hour, interruptions)
    return on_demand_share * on_demand_usd_per_hour + (1 - on_demand_share) * covered


def multiplier(
    spot_usd_per_hour: float, on_demand_usd_per_hour: float, interruptions: Interruptions, on_demand_share: float = 0.0
) -> float:
    """The price of such a fleet as a share of the on-demand price.

    Raises:
        ValueError: an on-demand price that is not positive, or as `mixed_price`.
    """
    if on_demand_usd_per_hour <= 0:
        raise ValueError("the on-demand price must be positive")
    return mixed_price(spot_usd_per_hour, on_demand_usd_per_hour, interruptions, on_demand_share) / on_demand_usd_per_hour


def spares_needed(needed: int, interruptions: Interruptions, shortfall: float) -> int:
    """How many spot instances are needed beyond `needed`.

    With them, fewer than `needed` are there for at most the share `shortfall` of the time
    (binomial).

    Raises:
        ValueError: nothing needed, or a shortfall that is not between 0 and 1.
    """
    if needed < 1 or not 0 < shortfall < 1:
        raise ValueError("at least one instance is needed, and the shortfall must be between 0 and 1")
    there = interruptions.availability
    spares = 0
    while _too_few(needed + spares, needed, there) > shortfall:
        spares += 1
    return spares


def _too_few(bought: int, needed: int, there: float) -> float:
    """P(Binomial(bought, there) < needed)."""
    return math.fsum(math.comb(bought, up) * there**up * (1 - there) ** (bought - up) for up in range(needed))
