"""Whether counts fit the weights that they should follow: Pearson's chi-square test. Pure."""

import math
from collections.abc import Sequence


def chi_square_p_value(counts: Sequence[int], weights: Sequence[float]) -> float:
    """How often counts at least this far from the weights would be seen if the weights held.

    It is a probability, from 0 to 1.

    Raises:
        ValueError: fewer than two counts, a weight that is not positive, or nothing counted.
    """
    if len(counts) != len(weights) or len(counts) < 2 or min(weights) <= 0 or sum(counts) == 0:
        raise ValueError("two counts or more are needed, with a positive weight each")
    scale = sum(counts) / sum(weights)
    statistic = sum((seen - weight * scale) ** 2 / (weight * scale) for seen, weight in zip(counts, weights, strict=True))
    return chi_square_survival(statistic, len(counts) - 1)


def chi_square_survival(statistic: float, degrees: int) -> float:
    """P(X ≥ statistic) of a chi-square distribution with whole `degrees` of freedom.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.4.4 (odd degrees) and
    26.4.5 (even degrees).
    """
    half = statistic / 2
    odd = degrees % 2
    total = math.erfc(math.sqrt(half)) if odd else 0.0
    term = math.sqrt(half / math.pi) * 2 * math.exp(-half) if odd else math.exp(-half)
    for step in range((degrees - odd) // 2):
        total += term
        term *= half / (step + 1 + odd / 2)
    return total
