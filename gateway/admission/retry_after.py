"""When a client whose request was shed should try again."""

from math import ceil

LONGEST_S = 30
SPREAD_S = 10.0
"""The random part is no longer, and no longer wait is told than leaves room for it."""


def retry_after_s(wait_s: float | None, uniform: float) -> int:
    """Whole seconds, between 1 and `LONGEST_S`, for the header `Retry-After`.

    They are the expected wait, plus a random share of as much again (between a second and
    `SPREAD_S`), so that not all clients come back at once, be the wait ever so long. `wait_s` is
    None where the wait is not known; `uniform` is a random number in [0, 1).
    """
    wait_s = min(wait_s or 0.0, LONGEST_S - SPREAD_S)
    return max(1, ceil(wait_s + uniform * min(SPREAD_S, max(1.0, wait_s))))
