"""Two runs compared, with intervals from the runs themselves.

With equal scenario and seed, an open loop sends both runs the same requests in the same seconds:
seconds are drawn in pairs, so that what both had to bear cancels out. Otherwise they are drawn
apart. Either way the interval shows only how the seconds of a run vary, not how runs vary: a
machine that was slower on that day shows as a difference. Several pairs of runs (`repetitions.py`)
show that too.
"""

import math
from dataclasses import dataclass

import numpy as np

from loadtest.planning.comparison.difference import CONFIDENCE, Difference, Interval, change_of
from loadtest.planning.comparison.metrics import KINDS, RUN_METRICS, is_guess, value
from loadtest.planning.comparison.resampling import Floats, Seconds, draw_weights, figures, seconds_of, widening
from loadtest.results.results import Results

SHARES = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
TINY = 1e-12
TEXTS_COST = "cost"


@dataclass(frozen=True, slots=True)
class _Spread:
    """How far resamples lie from the run: those of the change, and those of the side after.

    They are differences of shares, or of logarithms otherwise.
    """

    change: Floats
    after: Floats
    widen: float


def compare_runs(before: Results, after: Results, *, paired: bool, seed: int = 1) -> list[Difference]:
    """The difference in each metric that both runs have.

    `paired`: both sent the same in the same seconds. Equal seeds give equal intervals.
    """
    spreads = _spreads(seconds_of(before), seconds_of(after), paired, seed)
    found = []
    for metric in RUN_METRICS:
        old, new = value(metric, before), value(metric, after)
        change = None if old is None or new is None else change_of(KINDS[metric], old, new)
        if old is None or new is None or change is None:
            continue
        spread = spreads.get(metric)
        if spread is None or is_guess(metric, before) or is_guess(metric, after):
            found.append(Difference(metric, KINDS[metric], old, new, change))
        else:
            found.append(_with_interval(metric, old, new, change, spread))
    return found


def _with_interval(metric: str, old: float, new: float, change: float, spread: _Spread) -> Difference:
    kind = KINDS[metric]
    off = [float(part) * spread.widen for part in np.quantile(spread.change, SHARES)]
    off_after = [float(part) * spread.widen for part in np.quantile(spread.after, SHARES)]
    if kind == "share":
        low, high = (change + part for part in off)
        own = Interval(min(max(new + off_after[0], 0.0), 1.0), min(max(new + off_after[1], 0.0), 1.0))
    else:
        low, high = ((1 + change) * math.exp(part) - 1 for part in off)
        own = Interval(new * math.exp(off_after[0]), new * math.exp(off_after[1]))
    return Difference(metric, kind, old, new, change, Interval(low, high), own)


def _spreads(before: Seconds | None, after: Seconds | None, paired: bool, seed: int) -> dict[str, _Spread]:
    if before is None or after is None:
        return {}
    generator = np.random.default_rng(seed)
    weights = draw_weights(len(before), generator)
    same = paired and len(before) == len(after)
    weights_after = weights if same else draw_weights(len(after), generator)
    drawn, drawn_after = figures(before, weights), figures(after, weights_after)
    own, own_after = figures(before, np.ones((1, len(before)))), figures(after, np.ones((1, len(after))))
    widen = widening(min(len(before), len(after)))
    spreads = {}
    for metric in drawn:
        if KINDS[metric] == "share":
            off, off_after = drawn[metric] - own[metric], drawn_after[metric] - own_after[metric]
        else:
            off = np.log(np.maximum(drawn[metric], TINY) / np.maximum(own[metric], TINY))
            off_after = np.log(np.maximum(drawn_after[metric], TINY) / np.maximum(own_after[metric], TINY))
        spreads[metric] = _Spread(off_after - off, off_after, widen)
    # what a million texts cost is inversely proportional to the texts that are answered a second
    spreads[TEXTS_COST] = _Spread(-spreads["throughput"].change, -spreads["throughput"].after, widen)
    return spreads
