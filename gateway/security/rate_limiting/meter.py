"""One limit as this process sees it: the tokens that it has leased and may spend without asking anyone."""

import math
from typing import Final, NamedTuple

from gateway.request.rate_limits import RateLimits
from gateway.security.rate_limiting.token_bucket import Draw, Grant

LEASE_S: Final = 1.0
"""How long leased tokens may be spent; what is left then goes back."""
_RATE_SHARE, _QUOTA_SHARE, _MAX_EXTRA = 0.1, 0.001, 1000.0
_DAY_S: Final = 86_400


class Meter:
    """Tokens of one bucket. Times are in seconds since 1970; `unit` is `requests` or `items`; a rate of 0 is a quota for a day."""

    __slots__ = (
        "_day",
        "blocked_need",
        "blocked_until",
        "burst",
        "debt",
        "extra",
        "fresh_until",
        "left",
        "owner",
        "rate",
        "tokens",
        "unit",
    )

    def __init__(self, owner: str, unit: str, rate: float, burst: float) -> None:
        self.owner, self.unit, self.rate, self.burst = owner, unit, rate, burst
        # a lease is small beside the limit, so that what others cannot spend meanwhile hardly matters
        self.extra = float(int(min(rate, burst) * _RATE_SHARE if rate else min(burst * _QUOTA_SHARE, _MAX_EXTRA)))
        self.tokens, self.left = 0.0, burst
        self.fresh_until = self.blocked_until = self.blocked_need = 0.0
        self._day = 0
        # of a quota, what was spent while Redis was gone, and it must still be told
        self.debt = 0.0

    def __repr__(self) -> str:
        return f"<Meter {self.owner} {self.unit} {self.tokens:g} leased, {self.left:g} of {self.burst:g} left>"

    def blocks(self, need: float, now: float) -> bool:
        """Whether it is known that `need` tokens are not to be had yet."""
        return now < self.blocked_until and need >= self.blocked_need

    def want(self, need: float, extra: float, now: float) -> Draw:
        """Give back what was leased, and ask for `need` and up to `extra` more; until the answer is there nothing can be spent."""
        day = int(now // _DAY_S)
        if not self.rate and day != self._day:
            self.tokens, self.left, self.debt = 0.0, self.burst, 0.0
        self._day = day
        name = f"{self.owner}:{self.unit}" if self.rate else f"{self.owner}:{self.unit}:{day}"
        returned, self.tokens = self.tokens, 0.0
        return Draw(f"headrace:spent:{name}", self.rate, self.burst, returned, need, extra, self.left)

    def take_over(self, draw: Draw, grant: Grant, now: float, *, away: bool) -> None:
        """Hold what was granted. `away`: Redis should have granted it and could not."""
        self.debt = self.debt + grant.tokens - draw.returned if away and not self.rate else 0.0
        self.tokens, self.left = grant.tokens, grant.left
        self.fresh_until = now + LEASE_S if self.rate else min(now + LEASE_S, self.day_ends())
        if grant.wait_s:
            self.blocked_need = draw.need
            self.blocked_until = self.day_ends() if math.isinf(grant.wait_s) else now + grant.wait_s

    def remaining(self, now: float) -> float:
        """Tokens that could be spent now, as far as is known here."""
        if not self.rate and int(now // _DAY_S) != self._day:
            return self.burst
        gained = max(0.0, now - (self.fresh_until - LEASE_S)) * self.rate
        return max(0.0, min(self.burst, self.left + self.tokens + gained))

    def reset_s(self, now: float) -> float:
        """Seconds until the bucket is full again."""
        return (self.burst - self.remaining(now)) / self.rate if self.rate else _DAY_S - now % _DAY_S

    def day_ends(self) -> float:
        """When the day of a quota ends that was last drawn from."""
        return (self._day + 1.0) * _DAY_S


class Account(NamedTuple):
    """The meters of a principal: its own and, shared with others, its tenant's."""

    requests: tuple[Meter, ...]
    items: tuple[Meter, ...]
    meters: tuple[Meter, ...]
    """all of them"""


def meters_of(owner: str, limits: RateLimits) -> list[Meter]:
    """A meter for each limit."""
    meters = []
    for unit in ("requests", "items"):
        rate, burst, quota = (getattr(limits, f"{unit}_{part}") for part in ("per_s", "burst", "per_day"))
        if rate is not None:
            meters.append(Meter(owner, unit, rate, max(1.0, burst or rate)))
        if quota is not None:
            meters.append(Meter(owner, unit, 0.0, quota))
    return meters
