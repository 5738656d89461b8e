"""What fools other analyses: changed weights, late outcomes, a cache that one arm has warmed."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from gateway.statistics.comparison import Comparison, compare
from gateway.statistics.moments import Moments
from gateway.statistics.simulation.goals import claims
from gateway.statistics.simulation.looks import Arms, Counts, Pair, Values, arms, first, growing
from gateway.statistics.simulation.row import Row, at_most, shown

UNITS = 20_000


def changed_weights(chance: np.random.Generator, runs: int) -> Iterator[Row]:
    """The treatment's weight goes from 10 to 50 % half-way, while rates rise from 10 to 30 %."""
    by_epoch = together = 0
    for _ in range(runs):
        before, after = list(_epoch(chance, 0.1, 0.1, 0.2)), list(_epoch(chance, 0.5, 0.2, 0.3))
        by_epoch += first(before, partial(claims, planned=UNITS)) is not None or any(_claims_by_epoch(before[-1], pair) for pair in after)
        together += first([_sum(before[-1], pair) for pair in after], partial(claims, planned=UNITS)) is not None
    yield at_most("A/A, weights changed half-way under a time trend: by epoch", by_epoch, runs, 0.05)
    yield shown("the same: without epochs (Simpson's paradox)", together, runs)


def late_outcomes(chance: np.random.Generator, runs: int) -> Iterator[Row]:
    """Outcomes of a unit come late and in parts; sums move by differences."""
    other = 0
    for _ in range(runs):
        values, treated = chance.integers(0, 50, (500, 3)), arms(chance, 500)
        parts = np.stack(np.unravel_index(np.arange(values.size), values.shape), axis=1)
        results = [_after(chance.permutation(parts), values, treated) for _ in range(2)]
        other += results[0] != results[1]
    yield at_most("late outcomes in another order: the result is another", other, runs, 0.0)


def latency_of_hits(chance: np.random.Generator, runs: int) -> Iterator[Row]:
    """Both arms compute alike, but the treatment's cache is cold and its hits are slower.

    5 % of the requests go past the cache, and only these are compared.
    """
    on_sample = on_all = 0
    for _ in range(runs):
        treated = arms(chance, 10_000)
        on_sample += first(_bypassing(chance, treated), partial(claims, planned=10_000, ratio=True)) is not None
        on_all += first(_all_requests(chance, treated), partial(claims, planned=10_000, ratio=True)) is not None
    yield at_most("latency differs in hits alone: claimed on the cache-bypass sample", on_sample, runs, 0.05)
    yield shown("the same: claimed on all requests", on_all, runs)


def _epoch(chance: np.random.Generator, share: float, start: float, end: float) -> Iterator[Pair]:
    happened = chance.random(UNITS // 2) < np.linspace(start, end, UNITS // 2)
    return growing(arms(chance, UNITS // 2, share), happened.astype(np.float64), events=True)


def _claims_by_epoch(before: Pair, after: Pair) -> bool:
    found = compare([before, after], planned_units=UNITS)
    return found is not None and found.interval.excludes(0)


def _sum(before: Pair, after: Pair) -> Pair:
    return before[0] + after[0], before[1] + after[1]


def _after(order: Counts, values: Counts, treated: Arms) -> Comparison | None:
    """The result after all parts came in an order, with sums that are moved by each."""
    seen = [0] * len(treated)
    totals, squares = [0, 0], [0, 0]
    for unit, part in order.tolist():
        arm, old = int(treated[unit]), seen[unit]
        new = seen[unit] = old + int(values[unit, part])
        totals[arm] += new - old
        squares[arm] += new * new - old * old
    units = (int((~treated).sum()), int(treated.sum()))
    control, treatment = (Moments.of_mean(units[arm], totals[arm], squares[arm]) for arm in (0, 1))
    return compare([(control, treatment)], planned_units=500)


def _bypassing(chance: np.random.Generator, treated: Arms) -> Iterator[Pair]:
    """Milliseconds and requests of the units with a request past the cache."""
    requests = chance.poisson(0.05 * chance.lognormal(2, 1, len(treated)))
    chosen = requests > 0
    return growing(treated[chosen], _computing(chance, requests[chosen]), requests[chosen].astype(np.float64))


def _all_requests(chance: np.random.Generator, treated: Arms) -> Iterator[Pair]:
    requests = 1 + chance.poisson(chance.lognormal(2, 1, len(treated)))
    hits = chance.binomial(requests, np.where(treated, 0.5, 0.8))
    latency = _computing(chance, requests - hits) + hits * np.where(treated, 3.0, 1.0)
    return growing(treated, latency, requests.astype(np.float64))


def _computing(chance: np.random.Generator, requests: Counts) -> Values:
    """Milliseconds of as many computed requests: about 20 each, gamma distributed."""
    return chance.gamma(4.0 * requests, 5.0)
