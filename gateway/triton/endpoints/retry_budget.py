"""How many calls may be sent twice. Pure: the clock is passed in.

Retries that are a share of the traffic cannot multiply it.
"""

RESERVE_PER_S = 5.0
LONGEST_S = 10.0
"""At most the reserve of so many seconds is kept."""


class RetryBudget:
    """A balance of retries that calls earn and retries spend.

    Each call earns `share` of a retry. Each second adds `RESERVE_PER_S`, so that calls can be
    retried when there are only few.
    """

    def __init__(self, share: float, now_s: float) -> None:
        self._share = share
        self._most = RESERVE_PER_S * LONGEST_S if share else 0.0
        self._balance = self._most
        self._seen_s = now_s

    def earn(self) -> None:
        """Count a call."""
        self._balance = min(self._most, self._balance + self._share)

    def spend(self, now_s: float) -> bool:
        """Take one retry, if there is one."""
        self._balance = min(self._most, self._balance + RESERVE_PER_S * (now_s - self._seen_s))
        self._seen_s = now_s
        if self._balance < 1:
            return False
        self._balance -= 1
        return True
