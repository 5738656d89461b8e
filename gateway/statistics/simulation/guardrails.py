"""Guardrails on rare events in a ramp of 1 %: false alarms, and how soon harm is found."""

from collections.abc import Iterator

import numpy as np

from gateway.statistics import event_test
from gateway.statistics.comparison import compare
from gateway.statistics.event_test import EventCounts
from gateway.statistics.moments import Moments
from gateway.statistics.simulation.row import Row, at_most

SHARE, RATE, HARMFUL_RATE = 0.01, 0.01, 0.03
UNITS, EVERY = 200_000, 500
ALPHA = 0.05
MEDIAN_UNITS = 40_000


def rare_events(chance: np.random.Generator, runs: int) -> Iterator[Row]:
    """1 % of the units get the treatment and 1 % of the control's units an error."""
    alarms = sum(any(event_test.p_value_above(_counts(look)) <= ALPHA for look in _looks(chance, RATE)) for _ in range(runs))
    yield at_most("1 % ramp, 1 % errors in both arms: false harm, a look every 500 units to 200,000", alarms, runs, ALPHA)
    either = sum(any(event_test.p_value(_counts(look)) <= ALPHA for look in _looks(chance, RATE)) for _ in range(runs))
    yield at_most("the same: a false difference in either direction", either, runs, ALPHA)
    fewer = max(1, runs // 4)
    goals = sum(any(_as_goal(look) for look in list(_looks(chance, RATE))[1::2]) for _ in range(fewer))
    yield at_most("the same as a goal, which takes the exact test until an arm has ten events", goals, fewer, ALPHA)
    median = sorted(_found_at(chance) for _ in range(runs))[runs // 2]
    yield Row(
        "1 % ramp, 1 → 3 % errors: units until harm is found, median", f"{median:,}", f"≤ {MEDIAN_UNITS:,}", runs, median <= MEDIAN_UNITS
    )


Look = tuple[int, int, int, int]
"""Units and events of the control, then of the treatment."""


def _looks(chance: np.random.Generator, rate: float) -> Iterator[Look]:
    treated = chance.binomial(EVERY, SHARE, UNITS // EVERY)
    events = (chance.binomial(EVERY - treated, RATE).cumsum().tolist(), chance.binomial(treated, rate).cumsum().tolist())
    for look, (units, mine, theirs) in enumerate(zip(treated.cumsum().tolist(), *events, strict=True), 1):
        yield look * EVERY - units, mine, units, theirs


def _counts(look: Look) -> list[EventCounts]:
    return [EventCounts(look[1], look[3], SHARE)]


def _as_goal(look: Look) -> bool:
    pair = (Moments.of_events(look[0], look[1]), Moments.of_events(look[2], look[3]))
    found = compare([pair], planned_units=UNITS, share=SHARE)
    return found is not None and found.interval.excludes(0)


def _found_at(chance: np.random.Generator) -> int:
    looks = _looks(chance, HARMFUL_RATE)
    return next((look[0] + look[2] for look in looks if event_test.p_value_above(_counts(look)) <= ALPHA), UNITS)
