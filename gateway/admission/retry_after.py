"""When who was turned away should come back."""

from math import ceil

LONGEST_S = 30


def retry_after_s(wait_s: float | None, uniform: float) -> int:
    """Whole seconds: the expected wait, spread over as much again (a second at least) so that not all come back at once.

    `wait_s` is None where nothing is known of the wait; `uniform` is a random number in [0, 1). Between 1 and `LONGEST_S`.
    """
    wait_s = wait_s or 0.0
    return max(1, min(LONGEST_S, ceil(wait_s + uniform * max(1.0, wait_s))))
