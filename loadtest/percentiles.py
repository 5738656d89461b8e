"""Percentiles of recorded values: each is a value that was really seen (nearest rank), never rounded or interpolated."""

import math
from collections.abc import Sequence

REPORTED = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}


def percentile(ordered: Sequence[float], quantile: float) -> float:
    """The smallest value that at least the share `quantile` (0 to 1) of the ascending, non-empty `ordered` does not exceed."""
    # the rounding keeps 0.07 * 100 = 7.000000000000001 at rank 7
    rank = math.ceil(round(quantile * len(ordered), 9))
    return ordered[max(rank, 1) - 1]


def summarize_latency(ordered: Sequence[float]) -> dict[str, float] | None:
    """Percentiles, mean, least and greatest of ascending values; None where there are none."""
    if not ordered:
        return None
    points = {name: percentile(ordered, quantile) for name, quantile in REPORTED.items()}
    return {**points, "mean": math.fsum(ordered) / len(ordered), "min": ordered[0], "max": ordered[-1]}


def latency_curve(ordered: Sequence[float]) -> list[tuple[float, float]]:
    """(quantile, value) from the median's side to the tail, for drawing: evenly spaced in nines, as far as the sample reaches."""
    if not ordered:
        return []
    nines = math.log10(2 * len(ordered))  # so that the last point is the greatest value
    steps = max(2, math.ceil(nines * 20))
    quantiles = [1 - 10 ** (-nines * step / steps) for step in range(steps + 1)]
    return [(quantile, percentile(ordered, quantile)) for quantile in quantiles]
