"""Moving-block bootstrap of a run over its seconds.

It shows what the figures could have been, had the run met other seconds of the same kind. Seconds
that follow each other resemble each other (a queue that grew takes time to shrink), so that blocks
of n^(1/3) of n seconds are drawn with replacement (Künsch 1989; the length by Hall, Horowitz and
Jing 1995), and each figure is computed anew from what was drawn. The spread is widened by Student's
t for the number of blocks, since few blocks vary less than they should.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadtest.planning.comparison.metrics import PERCENTILES
from loadtest.planning.comparison.student import Z_95, t_95
from loadtest.results.histogram import INTERVAL_DIGITS, Histogram
from loadtest.results.results import Results

Floats = NDArray[np.float64]
RESAMPLES = 1000
LEAST_SECONDS = 8


@dataclass(frozen=True, slots=True)
class Seconds:
    """A run by its seconds: widths, counts, and how many good answers took how long.

    `counts` is seconds x values, `values_ms` ascends.
    """

    width_s: Floats
    answered: Floats
    failed: Floats
    hits: Floats
    values_ms: Floats
    counts: Floats

    def __len__(self) -> int:
        return len(self.width_s)


def seconds_of(results: Results) -> Seconds | None:
    """The seconds of a run; None where it has too few, or no histograms of them."""
    series = results.series
    if len(series) < LEAST_SECONDS or len(results.latency_by_second) != len(series):
        return None
    seen = [Histogram.decode(hdr, INTERVAL_DIGITS).counts() for hdr in results.latency_by_second]
    values = sorted({ms for second in seen for ms, _ in second})
    if not values:
        return None
    column = {ms: index for index, ms in enumerate(values)}
    counts = np.zeros((len(series), len(values)))
    for row, second in enumerate(seen):
        for ms, count in second:
            counts[row, column[ms]] = count
    return Seconds(
        width_s=np.array([part.width_s for part in series]),
        answered=np.array([float(part.answered) for part in series]),
        failed=np.array([float(part.failed + part.dropped) for part in series]),
        hits=np.array([part.answered * (part.cache_hit_rate or 0.0) for part in series]),
        values_ms=np.array(values),
        counts=counts,
    )


def draw_weights(seconds: int, generator: np.random.Generator) -> Floats:
    """How often each second was drawn, in each of the resamples (resamples x seconds).

    Blocks wrap around the end.
    """
    block = block_s(seconds)
    starts = generator.integers(0, seconds, size=(RESAMPLES, math.ceil(seconds / block)))
    drawn = ((starts[:, :, None] + np.arange(block)) % seconds).reshape(RESAMPLES, -1)[:, :seconds]
    weights = np.zeros((RESAMPLES, seconds))
    for row, indexes in enumerate(drawn):
        weights[row] = np.bincount(indexes, minlength=seconds)
    return weights


def block_s(seconds: int) -> int:
    """Seconds a block."""
    return max(round(math.cbrt(seconds)), 1)


def widening(seconds: int) -> float:
    """What the spread is multiplied by, for the number of blocks."""
    blocks = max(seconds // block_s(seconds), 2)
    return t_95(blocks - 1) / Z_95 * math.sqrt(blocks / (blocks - 1))


def figures(run: Seconds, weights: Floats) -> dict[str, Floats]:
    """Each metric in each resample.

    `weights` is as of `draw_weights`, or a row of ones for the run itself.
    """
    answered, failed = weights @ run.answered, weights @ run.failed
    totals = weights @ run.counts
    cumulated = np.cumsum(totals, axis=1)
    found: dict[str, Floats] = {
        "throughput": answered / (weights @ run.width_s),
        "errors": failed / np.maximum(answered + failed, 1),
        "hits": (weights @ run.hits) / np.maximum(answered, 1),
        "mean": (totals @ run.values_ms) / np.maximum(cumulated[:, -1], 1),
    }
    for metric, quantile in PERCENTILES.items():
        ranks = np.maximum(np.ceil(np.round(quantile * cumulated[:, -1], 9)), 1)
        index = (cumulated < ranks[:, None]).sum(axis=1)
        found[metric] = run.values_ms[np.minimum(index, len(run.values_ms) - 1)]
    return found
