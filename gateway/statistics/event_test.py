"""The exact test of rare events: whose are they? Pure.

Units are assigned at random. So if the arms are alike, an event is the treatment's with exactly the
probability of the treatment's share of the units, however rare events are and however their rate
moves over the day. If the treatment's rate is r times the control's, that probability is
w·r / (w·r + 1 − w), with w the share. Only events are counted, so that an arm of a small share
needs no normal approximation.

A unit counts once, however many of its requests met the event. Source: Lindon and Malek,
"Anytime-valid inference for multinomial count data", arXiv 2011.03567, sections on Bernoulli and
Poisson processes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.statistics import beta_binomial
from gateway.statistics.bisection import boundary
from gateway.statistics.interval import Interval

_WIDEST = 20.0
"""Of the logarithm of a rate ratio: beyond it a bound is no number worth showing."""


@dataclass(frozen=True, slots=True)
class EventCounts:
    """Units with an event, in one epoch; `share` is the treatment's share of both arms' units."""

    control: float
    treatment: float
    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(f"the treatment's share is {self.share:g}; it must be above 0 and below 1")
        if min(self.control, self.treatment) < 0:
            raise ValueError("there cannot be fewer than no events")


def p_value(epochs: Sequence[EventCounts], *, strength: float = beta_binomial.CONCENTRATION) -> float:
    """The always-valid p-value of equal rates. `strength` is the mixture's concentration."""
    return _p_value(log_evidence(epochs, 1.0, strength=strength))


def p_value_above(epochs: Sequence[EventCounts], ratio: float = 1.0, *, strength: float = beta_binomial.CONCENTRATION) -> float:
    """The always-valid p-value of "the treatment's rate is at most `ratio` times the control's"."""
    return _p_value(log_evidence(epochs, ratio, above=True, strength=strength))


def log_evidence(
    epochs: Sequence[EventCounts], ratio: float, *, above: bool = False, strength: float = beta_binomial.CONCENTRATION
) -> float:
    """ln of the evidence against a rate ratio, or against that and all below it (`above`).

    The evidence of epochs is multiplied.
    """
    measure = beta_binomial.log_evidence_above if above else beta_binomial.log_evidence
    total = 0.0
    for counts in epochs:
        probability = _probability(counts.share, ratio)
        prior = beta_binomial.around(probability if above else counts.share, strength)
        total += measure(counts.treatment, counts.control, probability, prior)
    return total


def ratio_interval(epochs: Sequence[EventCounts], alpha: float, *, strength: float = beta_binomial.CONCENTRATION) -> Interval:
    """The confidence sequence of the treatment's rate over the control's; infinite ends are open.

    It leaves out 1 exactly where the p-value is at most α.
    """
    bound = -math.log(alpha)
    centre = math.log(_likeliest(epochs))

    def possible(log_ratio: float) -> bool:
        return log_evidence(epochs, math.exp(log_ratio), strength=strength) < bound

    low, high = -_WIDEST, _WIDEST
    return Interval(
        0.0 if possible(low) else math.exp(boundary(centre, low, possible)),
        math.inf if possible(high) else math.exp(boundary(centre, high, possible)),
    )


def ratio_bound_below(epochs: Sequence[EventCounts], alpha: float, *, strength: float = beta_binomial.CONCENTRATION) -> float:
    """A ratio that the treatment's is above, one-sided; 0 where none is known."""
    bound = -math.log(alpha)

    def possible(log_ratio: float) -> bool:
        return log_evidence(epochs, math.exp(log_ratio), above=True, strength=strength) < bound

    if possible(-_WIDEST):
        return 0.0
    return math.exp(boundary(math.log(_likeliest(epochs)), -_WIDEST, possible))


def _likeliest(epochs: Sequence[EventCounts]) -> float:
    """The rate ratio of greatest likelihood, kept off the ends where it would have no logarithm."""

    def slope(log_ratio: float) -> float:
        ratio = math.exp(log_ratio)
        return sum(each.treatment - (each.treatment + each.control) * _probability(each.share, ratio) for each in epochs)

    return math.exp(boundary(-_WIDEST, _WIDEST, lambda log_ratio: slope(log_ratio) > 0))


def _probability(share: float, ratio: float) -> float:
    weighted = share * ratio
    return weighted / (weighted + 1 - share)


def _p_value(log_e: float) -> float:
    return math.exp(min(0.0, -log_e))
