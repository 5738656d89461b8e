"""Sample-ratio mismatch (SRM): whether variants get the shares of units that they should. Pure.

Counts that do not fit the weights say that units are lost or counted double in one arm, and then no
other number of the experiment can be trusted. This test may be looked at at any time: the false
alarms of all looks together are at most α.

Source: Lindon and Malek, "Anytime-valid inference for multinomial count data", arXiv 2011.03567.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.statistics import chi_square
from gateway.statistics.allocation import Allocation

CONCENTRATION = 1000.0
"""Of the Dirichlet mixture: a shift of two points is found soonest, at about 8,000 units."""
ALPHA = 0.01


@dataclass(frozen=True, slots=True)
class RatioCheck:
    """`p_value` is the least of all looks so far; keep it, and hand it to the next look.

    `chi_square` is the usual test's, for one look. `ok` says that there is no mismatch.
    """

    p_value: float
    chi_square: float
    ok: bool


def check(epochs: Sequence[Allocation], least_so_far: float = 1.0, *, alpha: float = ALPHA) -> RatioCheck:
    """Look at the counts of all epochs; `least_so_far` is the p-value of the look before."""
    least = min(least_so_far, p_value(epochs))
    return RatioCheck(least, chi_square.p_value(epochs), least > alpha)


def p_value(epochs: Sequence[Allocation], *, strength: float = CONCENTRATION) -> float:
    """The p-value of the counts as they are now; `strength` is the mixture's concentration."""
    return math.exp(min(0.0, -sum(log_evidence(epoch, strength=strength) for epoch in epochs)))


def log_evidence(epoch: Allocation, *, strength: float = CONCENTRATION) -> float:
    """ln of the Dirichlet–multinomial likelihood over that of the weights.

    The mixture is Dirichlet(k · share). Epochs are independent, so their evidence is added.
    """
    total = math.lgamma(strength) - math.lgamma(strength + sum(count for count, _ in epoch.counted()))
    for count, share in epoch.counted():
        prior = strength * share
        total += math.lgamma(prior + count) - math.lgamma(prior) - count * math.log(share)
    return total
