"""Quantiles of Student's t distribution, for intervals from few observations. Pure."""

import math

Z_95 = 1.959963984540054
EXACT = {1: 12.7062, 2: 4.3027, 3: 3.1824}


def t_95(degrees: int) -> float:
    """The two-sided 95 % quantile for `degrees` (1 or more) of freedom.

    From four degrees on it is computed by the expansion of Cornish and Fisher (Abramowitz and
    Stegun 26.7.5), within 0.1 %.
    """
    if degrees in EXACT:
        return EXACT[degrees]
    z, n = Z_95, float(degrees)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / n ** (power + 1) for power, term in enumerate(terms))
