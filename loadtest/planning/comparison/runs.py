"""Two runs compared, with intervals from the runs themselves.

With equal scenario and seed, an open loop sends both runs the same requests in the same seconds:
seconds are drawn in pairs, so that what both had to bear cancels out. Otherwise they are drawn
apart. Either way the seconds show only how the seconds of a run vary, not how runs vary. What two
runs of one system differ by cannot be seen in one run a side, so it is added as an allowance that
covers what equal pairs of runs showed (docs/compare.md): `BETWEEN_RUNS` of a latency and
`BETWEEN_RUNS_MS`, in squares. Several pairs of runs (`repetitions.py`) show it themselves.
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
BETWEEN_RUNS, BETWEEN_RUNS_MS = 0.05, 1.0
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
            found.append(_with_interval(metric, old, new, change, spread, _allowance(metric, before, min(old, new))))
    return found


def _allowance(metric: str, run: Results, value: float) -> float:
    """What two runs of one system differ by beyond their seconds, as a logarithm.

    In an open loop the throughput is that of the arrivals, whatever the system's mood.
    """
    if KINDS[metric] == "latency":
        return math.log1p(BETWEEN_RUNS + BETWEEN_RUNS_MS / max(value, TINY))
    return math.log1p(BETWEEN_RUNS) if metric in {"throughput", TEXTS_COST} and run.loop == "closed" else 0.0


def _with_interval(metric: str, old: float, new: float, change: float, spread: _Spread, allowance: float) -> Difference:
    kind = KINDS[metric]
    off, off_after = (_widened(seen, spread.widen, allowance) for seen in (spread.change, spread.after))
    if kind == "share":
        low, high = (change + part for part in off)
        own = Interval(min(max(new + off_after[0], 0.0), 1.0), min(max(new + off_after[1], 0.0), 1.0))
    else:
        low, high = ((1 + change) * math.exp(part) - 1 for part in off)
        own = Interval(new * math.exp(off_after[0]), new * math.exp(off_after[1]))
    return Difference(metric, kind, old, new, change, Interval(low, high), own)


def _widened(resampled: Floats, factor: float, allowance: float) -> tuple[float, float]:
    """How far the interval reaches down and up: resamples and allowance, in squares."""
    down, up = (math.hypot(float(part) * factor, allowance) for part in np.quantile(resampled, SHARES))
    return -down, up


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
