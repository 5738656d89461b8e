"""Several pairs of runs or searches, paired by their order: how each metric changed over all.

The interval comes from how the pairs differ:

    change = mean of the pairs' changes ± t(n − 1) · sd / √n

of logarithms of ratios (of differences, where the metric is a share). It needs no assumption about
what happens within a run, and sees how runs vary from day to day. It takes the pairs as independent
and their changes as roughly normal, and is wide below four or five pairs.

Shares are of counts, and a few small counts are equal by chance: one failure in each of two runs
has no spread. So the interval of a share is at least as wide as the seconds of the runs show.
"""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from loadtest.planning.comparison.difference import Difference, Interval
from loadtest.planning.comparison.student import t_95


def combine(pairs: Sequence[Sequence[Difference]]) -> list[Difference]:
    """One difference for each metric that all pairs have; a single pair is given back as it is."""
    if len(pairs) == 1:
        return list(pairs[0])
    by_metric = [{difference.metric: difference for difference in pair} for pair in pairs]
    return [
        _combined([pair[difference.metric] for pair in by_metric])
        for difference in pairs[0]
        if all(difference.metric in pair for pair in by_metric)
    ]


def _combined(differences: Sequence[Difference]) -> Difference:
    first = differences[0]
    before = [difference.before for difference in differences]
    after = [difference.after for difference in differences]
    if first.kind == "share":
        change = _interval([difference.change for difference in differences], [difference.change_interval for difference in differences])
        own = _interval(after, [difference.after_interval for difference in differences])
        return Difference(
            first.metric, first.kind, fmean(before), fmean(after), fmean(difference.change for difference in differences), change, own
        )
    logs = [math.log1p(difference.change) for difference in differences if difference.change > -1]
    if len(logs) < len(differences):
        return Difference(first.metric, first.kind, fmean(before), fmean(after), fmean(after) / fmean(before) - 1)
    change, own = _interval(logs), _interval([math.log(value) for value in after])
    return Difference(
        first.metric,
        first.kind,
        _geometric_mean(before),
        _geometric_mean(after),
        math.expm1(fmean(logs)),
        Interval(math.expm1(change.low), math.expm1(change.high)),
        Interval(math.exp(own.low), math.exp(own.high)),
    )


def _interval(values: Sequence[float], single: Sequence[Interval | None] = ()) -> Interval:
    """The interval of the values' mean, no narrower than the values' own intervals make it."""
    half = t_95(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    low, high = (
        math.hypot(*(end - value for value, end in zip(values, ends, strict=True))) / len(values) for ends in _ends(values, single)
    )
    return Interval(fmean(values) - max(half, low), fmean(values) + max(half, high))


def _ends(values: Sequence[float], single: Sequence[Interval | None]) -> tuple[Sequence[float], Sequence[float]]:
    """Where the values' own intervals end; at the values where there are none."""
    known = [one or Interval(value, value) for value, one in zip(values, single or [None] * len(values), strict=True)]
    return [one.low for one in known], [one.high for one in known]


def _geometric_mean(values: Sequence[float]) -> float:
    return math.exp(fmean(math.log(value) for value in values))
