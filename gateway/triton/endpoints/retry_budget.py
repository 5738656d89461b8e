"""How many calls may be made twice: retries that are a share of the traffic cannot multiply it. Pure: the clock is passed in."""

RESERVE_PER_S = 5.0
LONGEST_S = 10.0
"""What was not spent is kept for so many seconds of reserve."""


class RetryBudget:
    """Each call earns `share` of a retry, each second `RESERVE_PER_S` of them, so that few calls can be retried too."""

    def __init__(self, share: float, now_s: float) -> None:
        self._share = share
        self._most = RESERVE_PER_S * LONGEST_S if share else 0.0
        self._balance = self._most
        self._seen_s = now_s

    def earn(self) -> None:
        """A call is made."""
        self._balance = min(self._most, self._balance + self._share)

    def spend(self, now_s: float) -> bool:
        """Take one retry, if there is one."""
        self._balance = min(self._most, self._balance + RESERVE_PER_S * (now_s - self._seen_s))
        self._seen_s = now_s
        if self._balance < 1:
            return False
        self._balance -= 1
        return True
