"""Against published numbers, savvi's example and SciPy."""

import math

import numpy as np
import pytest
from scipy import stats

from gateway.statistics import chi_square, ratio_mismatch
from gateway.statistics.allocation import Allocation

THIRDS = (0.34, 0.33, 0.33)


@pytest.mark.parametrize(
    ("counts", "weights", "p_value"),
    [
        ((1000, 1200), (0.5, 0.5), 0.000020079),
        ((135, 115), (0.5, 0.5), 0.205903211),
        ((310, 98), (0.75, 0.25), 0.647434186),
        ((500, 500, 600), THIRDS, 0.000592638),
        ((0, 10, 10), THIRDS, 0.005790624),
        ((1000, 1200, 900), (0.5, 0.5, 0), 0.000020079),
        ((1000, 900, 800), (1, 0, 0), 1),
        ((0, 0, 0), THIRDS, 1),
        ((500, 500), (0.5, 0.5), 1),
        ((600, 400), (0.5, 0.5), 2.54e-10),
    ],
)
def test_chi_square_is_growthbooks(counts, weights, p_value):
    assert chi_square.p_value([Allocation(counts, weights)]) == pytest.approx(p_value, abs=5e-10, rel=1e-3)


def test_chi_square_of_a_published_mismatch():
    assert chi_square.p_value([Allocation((9463, 7681), (1, 1))]) < 2.2e-16


@pytest.mark.parametrize("degrees", range(1, 12))
@pytest.mark.parametrize("statistic", [0.0, 0.1, 3.0, 25.0, 900.0])
def test_the_chi_square_distribution_is_scipys(statistic, degrees):
    assert chi_square.survival(statistic, degrees) == pytest.approx(stats.chi2.sf(statistic, degrees), rel=1e-9)


@pytest.mark.parametrize(
    ("counts", "weights", "p_value"),
    [
        ((1000, 1200), (1, 1), 0.000792513),
        ((5200, 4800), (1, 1), 0.00364786),
        ((6240, 5760), (1, 1), 0.000805882),
        ((500, 500, 600), THIRDS, 0.0177853),
        ((135, 115), (1, 1), 1),
    ],
)
def test_sequential_p_values(counts, weights, p_value):
    assert ratio_mismatch.p_value([Allocation(counts, weights)], strength=100) == pytest.approx(p_value, rel=1e-5)


def test_it_is_savvis_example():
    """Its counts of units 1 to 1000, seeded; it stops at unit 402 with p 0.04845591105969517."""
    arms = np.cumsum(np.random.RandomState(1).multinomial(1, [0.1, 0.3, 0.6], size=1000), axis=0)
    p_values = [ratio_mismatch.p_value([Allocation(row, (0.1, 0.4, 0.5))], strength=100) for row in arms.tolist()]
    stop = next(unit for unit, p_value in enumerate(p_values, 1) if p_value <= 0.05)
    assert (stop, p_values[stop - 1]) == (402, pytest.approx(0.04845591105969517))


def test_the_mixture_is_scipys_dirichlet_multinomial():
    counts, weights = (5, 9, 2), (0.2, 0.5, 0.3)
    expected = stats.dirichlet_multinomial.logpmf(counts, [20, 50, 30], 16) - stats.multinomial.logpmf(counts, 16, weights)
    assert ratio_mismatch.log_evidence(Allocation(counts, weights), strength=100) == pytest.approx(expected)


def test_epochs_multiply():
    first, second = Allocation((5200, 4800), (1, 1)), Allocation((950, 120), (9, 1))
    logs = [ratio_mismatch.log_evidence(epoch) for epoch in (first, second)]
    assert ratio_mismatch.p_value([first, second]) == pytest.approx(min(1, math.exp(-sum(logs))))


def test_a_mismatch_stays_one():
    seen = ratio_mismatch.check([Allocation((6240, 5760), (1, 1))])
    later = ratio_mismatch.check([Allocation((50_000, 50_000), (1, 1))], seen.p_value)
    assert (seen.ok, later.ok, later.p_value, later.chi_square) == (False, False, seen.p_value, 1)


def test_counts_that_fit_are_fine():
    assert ratio_mismatch.check([Allocation((5030, 4970), (1, 1))]).ok


@pytest.mark.parametrize(("counts", "weights"), [((1, 2), (1,)), ((-1, 2), (1, 1)), ((1, 2), (0, 0)), ((1, 2), (2, -1))])
def test_impossible_allocations_are_refused(counts, weights):
    with pytest.raises(ValueError, match="weight"):
        Allocation(counts, weights)
