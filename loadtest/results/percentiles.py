"""Which percentiles are reported, and how many requests stand behind each."""

import math

from loadtest.results.histogram import Histogram, rank

REPORTED = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999, "p99_99": 0.9999}


def summarize_latency(histogram: Histogram) -> dict[str, float] | None:
    """Percentiles, `mean`, `min` and `max` in ms; None where nothing was counted."""
    if not len(histogram):
        return None
    points = dict(zip(REPORTED, histogram.quantiles_ms(list(REPORTED.values())), strict=True))
    return {**points, "mean": histogram.mean_ms, "min": histogram.min_ms, "max": histogram.max_ms}


def count_behind(histogram: Histogram) -> dict[str, int]:
    """How many of the requests that were counted took as long as each percentile or longer.

    With fewer than ten behind it, a percentile is a guess.
    """
    total = len(histogram)
    behind = {name: total - rank(quantile, total) + 1 if total else 0 for name, quantile in REPORTED.items()}
    return {**behind, "max": min(total, 1)}


def latency_curve(histogram: Histogram) -> list[tuple[float, float]]:
    """(quantile, ms) from the least value to the greatest, for drawing.

    The quantiles are evenly spaced in nines, as far as the counts reach.
    """
    total = len(histogram)
    if not total:
        return []
    nines = math.log10(2 * total)  # so that the last point is the greatest value
    steps = max(2, math.ceil(nines * 20))
    quantiles = [1 - 10 ** (-nines * step / steps) for step in range(steps + 1)]
    return list(zip(quantiles, histogram.quantiles_ms(quantiles), strict=True))
