"""Pearson's chi-square test of counts against weights, for one look at them. Pure."""

import math
from collections.abc import Sequence

from gateway.statistics.allocation import Allocation


def p_value(epochs: Sequence[Allocation]) -> float:
    """How often chance alone would bring counts at least this far from their weights.

    The statistics of epochs are added, and so are their degrees of freedom. It is 1 where nothing
    was counted or there is nothing to compare. Looked at again and again it raises false alarms.
    """
    statistic, degrees = 0.0, 0
    for epoch in epochs:
        counted = epoch.counted()
        total = sum(seen for seen, _ in counted)
        if total and len(counted) > 1:
            statistic += sum((seen - share * total) ** 2 / (share * total) for seen, share in counted)
            degrees += len(counted) - 1
    return survival(statistic, degrees) if degrees else 1.0


def survival(statistic: float, degrees: int) -> float:
    """P(X ≥ statistic) of a chi-square distribution with whole degrees of freedom.

    It is a finite sum, upwards from 1 or 2 degrees in steps of 2 (NIST Digital Library of
    Mathematical Functions, 8.8.2).
    """
    half = statistic / 2
    if half <= 0:
        return 1.0
    order, total = (0.5, math.erfc(math.sqrt(half))) if degrees % 2 else (1.0, math.exp(-half))
    while order < degrees / 2:
        total += math.exp(order * math.log(half) - half - math.lgamma(order + 1))
        order += 1
    return total
