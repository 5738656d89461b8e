"""Goals: false positives of A/A experiments, coverage, power."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from gateway.statistics import planning
from gateway.statistics.comparison import compare
from gateway.statistics.moments import Moments
from gateway.statistics.simulation.looks import Arms, Pair, Values, arms, first, growing
from gateway.statistics.simulation.row import Row, at_least, at_most, shown

UNITS = 20_000
POWERS = ((0.10, 0.11, 20_000, 0.694), (0.50, 0.53, 8_000, 0.848), (0.02, 0.025, 30_000, 0.911))
"""Rates of control and treatment, units in each arm, and the power to reach at these units.

The powers are those of a Brownian motion with this drift, looked at as often.
"""
POWER_LOOKS = 200


def claims(pair: Pair, planned: float, *, ratio: bool = False, covariate: bool = False, truth: float = 0.0) -> bool:
    """Whether the interval of the difference leaves out the truth."""
    found = compare([pair], planned_units=planned, ratio=ratio, covariate=covariate)
    return found is not None and found.interval.excludes(truth)


def false_positives(chance: np.random.Generator, runs: int) -> Iterator[Row]:
    """A/A: no effect, looked at every 100 units up to the planned sample."""
    for rate in (0.3, 0.02, 0.002):
        found = sum(first(_events(chance, rate, rate, UNITS), partial(claims, planned=UNITS)) is not None for _ in range(runs))
        yield at_most(f"A/A, a look every 100 units to {UNITS:,}: events at {100 * rate:g} %", found, runs, 0.05)
    found = sum(first(_heavy_tailed(chance), partial(claims, planned=UNITS)) is not None for _ in range(runs))
    yield at_most("the same: means of a lognormal metric (σ 1.5)", found, runs, 0.05)
    found = sum(first(_with_covariate(chance), partial(claims, planned=UNITS, covariate=True)) is not None for _ in range(runs))
    yield at_most("the same: with a covariate", found, runs, 0.05)


def returning_users(chance: np.random.Generator, runs: int) -> Iterator[Row]:
    """A/A with heavy users who come again and again: by unit, and by request, which is wrong.

    100 looks at 2,000 users, whose rates of requests are lognormal and whose rates of success are
    beta distributed. Successes per request, in both.
    """
    by_unit = by_request = 0
    for _ in range(runs):
        looks = list(_visits(chance))
        by_unit += first((unit for unit, _ in looks), partial(claims, planned=2_000, ratio=True)) is not None
        planned = looks[-1][1][0].units + looks[-1][1][1].units
        by_request += first((request for _, request in looks), partial(claims, planned=planned)) is not None
    yield at_most("A/A, returning heavy users, 100 looks: analysed by unit", by_unit, runs, 0.05)
    yield shown("the same: analysed by request, as if each were a unit", by_request, runs)


def coverage(chance: np.random.Generator, runs: int) -> Iterator[Row]:
    """How often the truth lies in the interval at every look."""
    missed = sum(first(_events(chance, 0.3, 0.33, UNITS), partial(claims, planned=UNITS, truth=0.03)) is not None for _ in range(runs))
    yield at_least("the interval of 30 % → 33 % covers the truth at all looks", runs - missed, runs, 0.95)
    shift = 0.5
    missed = sum(first(_heavy_tailed(chance, shift), partial(claims, planned=UNITS, truth=shift)) is not None for _ in range(runs))
    yield at_least("the same: means of a lognormal metric", runs - missed, runs, 0.95)


def power(chance: np.random.Generator, runs: int) -> Iterator[Row]:
    """How often an effect is found by the planned sample, with the interval tuned to it."""
    for control, treatment, units, bound in POWERS:
        found = _found(chance, control, treatment, 2 * units, runs)
        yield at_least(f"power, {100 * control:g} → {100 * treatment:g} %, {units:,} units an arm", found, runs, bound)
    control, treatment = 0.10, 0.12
    units = planning.planned_units(treatment - control, 0.11 * 0.89)
    found = _found(chance, control, treatment, units, runs)
    yield at_least(f"power at the sample planned for 80 %: 10 → 12 %, {units:,} units", found, runs, 0.8)


def _found(chance: np.random.Generator, control: float, treatment: float, units: int, runs: int) -> int:
    looks = partial(_events, chance, control, treatment, units, units // POWER_LOOKS)
    return sum(first(looks(), partial(claims, planned=units)) is not None for _ in range(runs))


def _events(chance: np.random.Generator, control: float, treatment: float, units: int, every: int = 100) -> Iterator[Pair]:
    treated = arms(chance, units)
    happened = chance.random(units) < np.where(treated, treatment, control)
    return growing(treated, happened.astype(np.float64), events=True, every=every)


def _heavy_tailed(chance: np.random.Generator, shift: float = 0.0) -> Iterator[Pair]:
    treated = arms(chance, UNITS)
    return growing(treated, chance.lognormal(0, 1.5, UNITS) + shift * treated)


def _with_covariate(chance: np.random.Generator) -> Iterator[Pair]:
    before = chance.lognormal(0, 1, UNITS)
    return growing(arms(chance, UNITS), before + chance.lognormal(0, 1, UNITS), before)


def _visits(chance: np.random.Generator, users: int = 2_000, looks: int = 100) -> Iterator[tuple[Pair, Pair]]:
    """The sums by unit and by request at each look."""
    treated = arms(chance, users)
    rate, success = chance.lognormal(1.5, 1.5, users), chance.beta(0.5, 1.5, users)
    requests, successes = np.zeros(users), np.zeros(users)
    for _ in range(looks):
        new = chance.poisson(rate / looks)
        requests = requests + new
        successes = successes + chance.binomial(new, success)
        yield _by_unit(treated, requests, successes), _by_request(treated, requests, successes)


def _by_unit(treated: Arms, requests: Values, successes: Values) -> Pair:
    control, treatment = (
        Moments.of_pair(
            int(chosen.sum()),
            successes[chosen].sum(),
            (successes[chosen] ** 2).sum(),
            requests[chosen].sum(),
            (requests[chosen] ** 2).sum(),
            (successes[chosen] * requests[chosen]).sum(),
        )
        for chosen in ((requests > 0) & ~treated, (requests > 0) & treated)
    )
    return control, treatment


def _by_request(treated: Arms, requests: Values, successes: Values) -> Pair:
    control, treatment = (Moments.of_events(int(requests[chosen].sum()), successes[chosen].sum()) for chosen in (~treated, treated))
    return control, treatment
