"""Single-flight across workers and replicas: the lease holder computes, the waiters get its value.

    ask for the lease ─▶ the value is stored    ─▶ use it
                      ─▶ we hold the lease      ─▶ compute ─▶ store, fenced by the token
                      ─▶ another gateway has it ─▶ wait, ask again … ─▶ take it over, compute

A lease expires when its holder dies, and a holder that fails releases it. A waiter waits for a
bounded time and then takes the lease over, so a lease that is held for ever delays an answer and
never prevents it. A late holder finds another token and does not overwrite the newer value. A cache
that does not answer costs one time limit; then each gateway computes its own row.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from enum import Enum
from itertools import count
from time import perf_counter
from typing import NamedTuple

from gateway.cache.entry import Entry
from gateway.cache.redis_tier import RedisTier
from gateway.observability import metrics

FIRST_PAUSE_S, LONGEST_PAUSE_S, GROWTH = 0.004, 0.05, 1.5


class LeaseOutcome(Enum):
    """How asking for a lease ended; the values are labels of the metric."""

    WON = "won"
    SHARED = "shared"
    TAKEN_OVER = "taken_over"
    UNAVAILABLE = "unavailable"
    BUSY = "busy"


class Acquired(NamedTuple):
    """The result of asking for a lease: an entry to use, or permission to compute.

    Another gateway computed `entry`. Where there is none the caller computes the row itself, under
    `token` if there is a lease to release.
    """

    entry: Entry | None = None
    token: bytes | None = None


ReadEntry = Callable[[bytes], Entry | None]
"""Stored value → its entry, None where it cannot be used."""


class Leases:
    """Asks for leases.

    `sleep` is `asyncio.sleep` and `clock` counts seconds; tests hand in their own.
    """

    def __init__(
        self,
        tier: RedisTier,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self._tier, self._sleep, self._clock = tier, sleep, clock
        self._process = os.urandom(8)
        self._numbers = count(1)

    async def acquire(self, key: bytes, life_s: float, wait_s: float, read: ReadEntry) -> Acquired:
        """Wait at most about `wait_s` seconds for the value or the lease of `key`.

        It takes one round trip where nobody else computes the value.
        """
        token, began = self._token(), self._clock()
        pause_s, previous, unusable = FIRST_PAUSE_S, b"", None
        while True:
            spent = self._clock() - began >= wait_s
            value, holder = await self._tier.lease(key, token, life_s, seen=previous if spent else b"", unusable=unusable)
            if value is not None:
                if entry := read(value):
                    return self._resolved(LeaseOutcome.SHARED, began, Acquired(entry=entry))
                unusable = value
                continue
            if holder is None:
                return self._resolved(LeaseOutcome.UNAVAILABLE, began, Acquired())
            if holder == token:
                return self._resolved(LeaseOutcome.TAKEN_OVER if previous else LeaseOutcome.WON, began, Acquired(token=token))
            if spent and previous:
                # another waiter has just taken it over: two may compute, but nobody waits longer
                return self._resolved(LeaseOutcome.BUSY, began, Acquired(token=token))
            previous = holder
            await self._sleep(min(pause_s, max(wait_s - (self._clock() - began), 0.0)))
            pause_s = min(pause_s * GROWTH, LONGEST_PAUSE_S)

    async def try_acquire(self, key: bytes, life_s: float, read: ReadEntry) -> Acquired | None:
        """Acquire the lease to compute a stale value anew, without waiting.

        None where another gateway computes it or has computed it.
        """
        token = self._token()
        value, holder = await self._tier.lease(key, token, life_s)
        if value is not None:
            if read(value):
                return None
            value, holder = await self._tier.lease(key, token, life_s, unusable=value)
        if value is None and holder is None:
            return Acquired()
        return Acquired(token=token) if holder == token else None

    def _token(self) -> bytes:
        return self._process + next(self._numbers).to_bytes(8, "little")

    def _resolved(self, outcome: LeaseOutcome, began: float, acquired: Acquired) -> Acquired:
        metrics.CACHE_LEASES.labels(outcome.value).inc()
        metrics.CACHE_LEASE_SECONDS.observe(self._clock() - began)
        return acquired
