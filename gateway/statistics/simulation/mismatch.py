"""Sample-ratio mismatch: how soon it is found, and how often where there is none."""

from collections.abc import Iterator

import numpy as np

from gateway.statistics import ratio_mismatch
from gateway.statistics.allocation import Allocation
from gateway.statistics.ratio_mismatch import ALPHA
from gateway.statistics.simulation.looks import EVERY
from gateway.statistics.simulation.row import Row, at_least, at_most

LONG, LONGER = 100_000, 400_000
MEDIAN_UNITS, SURE_UNITS = 8_000, 17_000


def mismatch(chance: np.random.Generator, runs: int) -> Iterator[Row]:
    """52/48 in place of 50/50, 2 % of one arm lost, and nothing wrong; a look every 100 units."""
    found = sorted(_found_at(chance, 0.52, LONG) or LONG for _ in range(runs))
    median = found[runs // 2]
    yield Row(
        "52/48 in place of 50/50: units until it is found, median", f"{median:,}", f"≤ {MEDIAN_UNITS:,}", runs, median <= MEDIAN_UNITS
    )
    yield at_least(f"the same: found by {SURE_UNITS:,} units", sum(units <= SURE_UNITS for units in found), runs, 0.95)
    lost = sum(_found_at(chance, 0.5 / (0.5 + 0.49), LONGER) is not None for _ in range(runs))
    yield at_least(f"2 % of one arm's exposures lost: found by {LONGER:,} units", lost, runs, 0.95)
    alarms = sum(_found_at(chance, 0.5, LONG) is not None for _ in range(runs))
    yield at_most(f"50/50: a false alarm within {LONG:,} units", alarms, runs, ALPHA)


def _found_at(chance: np.random.Generator, share: float, units: int) -> int | None:
    treated = chance.binomial(EVERY, share, units // EVERY).cumsum().tolist()
    for look, count in enumerate(treated, 1):
        if ratio_mismatch.p_value([Allocation((look * EVERY - count, count), (1, 1))]) <= ALPHA:
            return look * EVERY
    return None
