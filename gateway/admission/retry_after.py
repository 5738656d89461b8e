"""When a client whose request was shed should try again."""

from math import ceil

LONGEST_S = 30


def retry_after_s(wait_s: float | None, uniform: float) -> int:
    """Whole seconds, between 1 and `LONGEST_S`, for the header `Retry-After`.

    They are the expected wait, plus a random share of as much again (a second at least), so that
    not all clients come back at once. `wait_s` is None where the wait is not known; `uniform` is a
    random number in [0, 1).
    """
    wait_s = wait_s or 0.0
    return max(1, min(LONGEST_S, ceil(wait_s + uniform * max(1.0, wait_s))))
