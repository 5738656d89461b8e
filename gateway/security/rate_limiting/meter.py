"""One limit in this process: the tokens that it has leased, and may spend without asking Redis."""

import math
from typing import Final, NamedTuple

from gateway.request.rate_limits import RateLimits
from gateway.security.rate_limiting.token_bucket import Draw, Grant

LEASE_S: Final = 1.0
"""How long leased tokens may be spent; what is left after that goes back."""
_RATE_SHARE, _QUOTA_SHARE, _MAX_EXTRA = 0.1, 0.001, 1000.0
_DAY_S: Final = 86_400


class Meter:
    """Tokens leased of one bucket.

    Times are in seconds since 1970; `unit` is `requests` or `items`; a rate of 0 is a quota for a
    day. `tokens` may be spent until `fresh_until`. Before `blocked_until` the bucket cannot give
    `blocked_need` tokens.
    """

    __slots__ = (
        "_day",
        "blocked_need",
        "blocked_until",
        "burst",
        "debt",
        "extra",
        "fresh_until",
        "is_quota",
        "left",
        "owner",
        "rate",
        "tokens",
        "unit",
    )

    def __init__(self, owner: str, unit: str, rate: float, burst: float) -> None:
        self.owner, self.unit, self.rate, self.burst = owner, unit, rate, burst
        self.is_quota = not rate
        # small beside the limit, because other processes cannot spend it meanwhile
        lease = min(burst * _QUOTA_SHARE, _MAX_EXTRA) if self.is_quota else min(rate, burst) * _RATE_SHARE
        self.extra = float(int(lease))
        self.tokens, self.left = 0.0, burst
        self.fresh_until = self.blocked_until = self.blocked_need = 0.0
        # of a quota: the day that it was last drawn from, in days since 1970
        self._day = 0
        # of a quota: what was spent while Redis was away and Redis does not know yet
        self.debt = 0.0

    def __repr__(self) -> str:
        return f"<Meter {self.owner} {self.unit} {self.tokens:g} leased, {self.left:g} of {self.burst:g} left>"

    def blocks(self, need: float, now: float) -> bool:
        """Whether the last answer says that `need` tokens cannot be had yet."""
        return now < self.blocked_until and need >= self.blocked_need

    def give_back(self, tokens: float, now: float) -> None:
        """Give back what was spent; then the bucket may have what it could not give before.

        A bucket that has filled up meanwhile, or began a new day, takes no more than it lacks.
        """
        if self.is_quota:
            self._begin_day(now)
        self.tokens += min(tokens, max(0.0, self.burst - self._seen(now)))
        self.blocked_until = 0.0

    def give_back_and_ask(self, need: float, extra: float, now: float) -> Draw:
        """Give back what was leased, and ask for `need` and up to `extra` more.

        Until `hold` has the answer, nothing can be spent but what requests give back meanwhile.
        """
        name = f"{self.owner}:{self.unit}"
        if self.is_quota:
            self._begin_day(now)
            name = f"{name}:{self._day}"
        returned, self.tokens = self.tokens, 0.0
        return Draw(f"headrace:spent:{name}", self.rate, self.burst, returned, need, extra, self.left)

    def hold(self, draw: Draw, grant: Grant, now: float, *, away: bool) -> None:
        """Hold what was granted. `away`: this process granted it alone, because Redis is away."""
        self.debt = self.debt + grant.tokens - draw.returned if away and self.is_quota else 0.0
        self.tokens, self.left = self.tokens + grant.tokens, grant.left
        self.fresh_until = min(now + LEASE_S, self.day_ends()) if self.is_quota else now + LEASE_S
        if grant.wait_s:
            self.blocked_need = draw.need
            self.blocked_until = self.day_ends() if math.isinf(grant.wait_s) else now + grant.wait_s

    def remaining(self, now: float) -> float:
        """Tokens that could be spent now, as far as this process can tell."""
        if self.is_quota and int(now // _DAY_S) != self._day:
            return self.burst
        # every answer says this of every limit: no calls of min and max
        tokens = self._seen(now)
        return 0.0 if tokens < 0.0 else tokens if tokens < self.burst else self.burst

    def _seen(self, now: float) -> float:
        """What is leased, was left in the bucket, and has come to it since, however full it is."""
        gaining_s = now - self.fresh_until + LEASE_S
        return self.left + self.tokens + (gaining_s * self.rate if gaining_s > 0.0 else 0.0)

    def reset_s(self, remaining: float, now: float) -> float:
        """Seconds until the bucket, which has `remaining` tokens now, is full again."""
        return _DAY_S - now % _DAY_S if self.is_quota else (self.burst - remaining) / self.rate

    def day_ends(self) -> float:
        """When the day ends on which the quota was last drawn from."""
        return (self._day + 1.0) * _DAY_S

    def _begin_day(self, now: float) -> None:
        """Begin a quota anew, unless it was drawn from on this day already."""
        day = int(now // _DAY_S)
        if day != self._day:
            self.tokens, self.left, self.debt = 0.0, self.burst, 0.0
            self._day = day


class Account(NamedTuple):
    """The meters of a principal: its own and, shared with others, its tenant's."""

    requests: tuple[Meter, ...]
    items: tuple[Meter, ...]
    meters: tuple[Meter, ...]
    """all of them"""


def meters_of(owner: str, rate_limits: RateLimits) -> list[Meter]:
    """A meter for each rate and for each quota."""
    meters = []
    for unit in ("requests", "items"):
        rate, burst, quota = (getattr(rate_limits, f"{unit}_{part}") for part in ("per_s", "burst", "per_day"))
        if rate is not None:
            meters.append(Meter(owner, unit, rate, max(1.0, burst or rate)))
        if quota is not None:
            meters.append(Meter(owner, unit, 0.0, quota))
    return meters
