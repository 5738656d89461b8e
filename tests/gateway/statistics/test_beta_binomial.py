"""Against confseq's unit tests and SciPy."""

import math

import pytest
from scipy import optimize, special, stats

from gateway.statistics import beta_binomial
from gateway.statistics.incomplete_beta import log_beta_tail

PROBABILITY, TRIALS = 0.2, 625
"""confseq's g = 0.2, h = 0.8 at v = 100."""


def prior(one_sided):
    return beta_binomial.around(PROBABILITY, beta_binomial.concentration(TRIALS, 0.05, one_sided=one_sided))


def evidence(s, one_sided):
    """confseq's deviation s is the events above what is expected."""
    hits = PROBABILITY * TRIALS + s
    measure = beta_binomial.log_evidence_above if one_sided else beta_binomial.log_evidence
    return measure(hits, TRIALS - hits, PROBABILITY, prior(one_sided))


@pytest.mark.parametrize(("one_sided", "log_mixture", "bound"), [(False, -0.6941012, 31.4308), (True, -0.07134019, 28.41238)])
def test_mixtures_and_their_bounds_are_confseqs(one_sided, log_mixture, bound):
    assert evidence(10, one_sided) == pytest.approx(log_mixture, abs=1e-6)
    assert optimize.brentq(lambda s: evidence(s, one_sided) - math.log(20), 0, 100) == pytest.approx(bound, abs=1e-4)


def test_the_mixture_is_scipys_beta_binomial():
    a, b = 3.5, 7.25
    expected = stats.betabinom.logpmf(6, 20, a, b) - stats.binom.logpmf(6, 20, 0.3)
    assert beta_binomial.log_evidence(6, 14, 0.3, (a, b)) == pytest.approx(expected)


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("above", [False, True])
def test_the_bet_is_fair(probability, above):
    """Over all outcomes of ten trials the evidence is 1 on average, when its null is true."""
    measure = beta_binomial.log_evidence_above if above else beta_binomial.log_evidence
    mean = sum(stats.binom.pmf(hits, 10, probability) * math.exp(measure(hits, 10 - hits, probability, (2, 3))) for hits in range(11))
    assert mean == pytest.approx(1)


@pytest.mark.parametrize("x", [1e-6, 0.001, 0.3, 0.5, 0.999])
@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (1, 99), (30, 20), (2000, 70_000), (1e6, 1e6)])
def test_the_tail_of_beta_is_scipys(x, a, b):
    expected = stats.beta.logsf(x, a, b)
    if expected > -600:
        assert log_beta_tail(x, a, b) == pytest.approx(expected, rel=1e-8, abs=1e-10)
    else:
        assert log_beta_tail(x, a, b) < -600


def test_the_far_tail_is_a_number_where_the_probability_is_none():
    a, b, x = 100.0, 1e5, 0.05
    by_series = special.betaln(a, b)
    term = (a - 1) * math.log(x) + b * math.log1p(-x) - math.log(b) - by_series
    assert log_beta_tail(x, a, b) == pytest.approx(term, rel=1e-3)
    assert term < -4000
