"""Single flight across workers and replicas: who gets the lease of a key computes, the others wait
for the value.

    lease ─▶ value is there ─▶ use it
          ─▶ lease is ours  ─▶ compute ─▶ store, fenced by the token
          ─▶ another's      ─▶ wait, ask again … ─▶ waited enough: take the lease over, compute

The holder's death is seen by the lease's expiry, its failure by the lease's release. The wait is
bounded, so a cache that holds a lease for ever delays an answer and never prevents it; a holder
that comes late finds another token and does not overwrite what is newer. A cache that does not
answer costs one time limit: each gateway then computes its own.
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


class Outcome(Enum):
    """How a lease was resolved; the metric's label."""

    WON = "won"
    SHARED = "shared"
    TAKEN_OVER = "taken_over"
    UNAVAILABLE = "unavailable"
    BUSY = "busy"


class Grant(NamedTuple):
    """The entry that another gateway computed, or the leave to compute, under a token where there
    is a lease to give back.
    """

    entry: Entry | None = None
    token: bytes | None = None


Read = Callable[[bytes], Entry | None]
"""A value → its entry, None where it cannot be used."""


class Leases:
    """Asks for leases. `sleep` is `asyncio.sleep`, `clock` counts seconds; tests give their own."""

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

    async def acquire(self, key: bytes, life_s: float, wait_s: float, read: Read) -> Grant:
        """Wait at most about `wait_s` seconds for the value or for the lease; one round trip where
        nobody else computes it.
        """
        token, began = self._token(), self._clock()
        pause_s, previous, unusable = FIRST_PAUSE_S, b"", None
        while True:
            spent = self._clock() - began >= wait_s
            value, holder = await self._tier.lease(key, token, life_s, seen=previous if spent else b"", unusable=unusable)
            if value is not None:
                if entry := read(value):
                    return self._resolved(Outcome.SHARED, began, Grant(entry=entry))
                unusable = value
                continue
            if holder is None:
                return self._resolved(Outcome.UNAVAILABLE, began, Grant())
            if holder == token:
                return self._resolved(Outcome.TAKEN_OVER if previous else Outcome.WON, began, Grant(token=token))
            if spent and previous:
                # another waiter took it over a moment ago: two may compute, but nobody waits longer
                return self._resolved(Outcome.BUSY, began, Grant(token=token))
            previous = holder
            await self._sleep(min(pause_s, max(wait_s - (self._clock() - began), 0.0)))
            pause_s = min(pause_s * GROWTH, LONGEST_PAUSE_S)

    async def try_acquire(self, key: bytes, life_s: float, read: Read) -> Grant | None:
        """The lease to compute a stale value anew, None where another gateway does so or has done
        so.
        """
        token = self._token()
        value, holder = await self._tier.lease(key, token, life_s)
        if value is not None:
            if read(value):
                return None
            value, holder = await self._tier.lease(key, token, life_s, unusable=value)
        if value is None and holder is None:
            return Grant()
        return Grant(token=token) if holder == token else None

    def _token(self) -> bytes:
        return self._process + next(self._numbers).to_bytes(8, "little")

    def _resolved(self, outcome: Outcome, began: float, grant: Grant) -> Grant:
        metrics.CACHE_LEASES.labels(outcome.value).inc()
        metrics.CACHE_LEASE_SECONDS.observe(self._clock() - began)
        return grant
