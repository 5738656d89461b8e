"""The regularized incomplete beta function, in logarithms. Pure."""

import math

_TINY = 1e-300
_EXACT = 1e-15
_STEPS = 100_000


def log_beta(a: float, b: float) -> float:
    """ln B(a, b), for a, b > 0."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def log_beta_tail(x: float, a: float, b: float) -> float:
    """ln P(X > x) of a beta distribution with a, b > 0, for 0 < x < 1.

    It is exact far out in the tail, where P itself has no room in a double.
    """
    if x > (a + 1) / (a + b + 2):
        return _log_front(1 - x, x, b, a)
    below = math.exp(min(0.0, _log_front(x, 1 - x, a, b)))
    return math.log1p(-below) if below < 1 else -math.inf


def _log_front(x: float, y: float, a: float, b: float) -> float:
    """ln I_x(a, b), for an x below the mean; y is 1 − x."""
    return a * math.log(x) + b * math.log(y) - math.log(a) - log_beta(a, b) + math.log(_continued_fraction(x, a, b))


def _continued_fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method as modified.

    It takes about √max(a, b) steps. Source: NIST Digital Library of Mathematical Functions, 8.17.22
    and 3.10(iii).
    """
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, _STEPS):
        for part in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _not_zero(1 + part * d)
            c = _not_zero(1 + part / c)
            fraction *= c * d
        if abs(c * d - 1) < _EXACT:
            break
    return fraction


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
