"""The beta-binomial mixture: evidence against a probability, which may be looked at at any time.

Whoever bets on each event with odds from a beta distribution around the probability that is tested,
multiplies what they have by the likelihood ratio. If the tested probability is true, the bet is
fair: what they have exceeds 1/α at any time with probability at most α (Ville's inequality).

Everything here is in natural logarithms. Counts may be fractional, so that plans can be made.

Sources: Lindon and Malek, "Anytime-valid inference for multinomial count data", arXiv 2011.03567;
Howard, Ramdas, McAuliffe, Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence
sequences", arXiv 1810.08240, proposition 7. Pure.
"""

import math

from gateway.statistics.incomplete_beta import log_beta, log_beta_tail
from gateway.statistics.normal_mixture import growth

CONCENTRATION = 100.0
"""With it most is found at about 800 observations, and little is lost at ten or a million."""
_LEAST_CONCENTRATION = 1e-3


def concentration(planned: float, alpha: float, *, one_sided: bool = False) -> float:
    """The concentration k of Beta(kp, k(1 − p)) that finds most at `planned` observations.

    The mixture is then about as sharp as the normal mixture that is narrowest there.

    Raises:
        ValueError: an α outside of (0, 1), or of (0, ½) for one side.
    """
    return max(planned / growth(alpha, one_sided=one_sided) - 1, _LEAST_CONCENTRATION)


def log_evidence(hits: float, misses: float, probability: float, prior: tuple[float, float]) -> float:
    """ln of the mixture's likelihood over that of `probability`; the mixture is Beta(*prior)."""
    a, b = prior
    return log_beta(a + hits, b + misses) - log_beta(a, b) - log_likelihood(hits, misses, probability)


def log_evidence_above(hits: float, misses: float, probability: float, prior: tuple[float, float]) -> float:
    """Evidence against "not above `probability`": the mixture is cut to what lies above it."""
    a, b = prior
    seen = log_beta_tail(probability, a + hits, b + misses)
    return log_evidence(hits, misses, probability, prior) + seen - log_beta_tail(probability, a, b)


def log_likelihood(hits: float, misses: float, probability: float) -> float:
    """ln pᵃ(1 − p)ᵇ of a row of `hits` and `misses`, for 0 < p < 1."""
    return hits * math.log(probability) + misses * math.log1p(-probability)


def around(probability: float, strength: float) -> tuple[float, float]:
    """The beta distribution with a mean and a concentration."""
    return strength * probability, strength * (1 - probability)
