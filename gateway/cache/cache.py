"""The response cache as a request sees it: look up, lease, store.

    look up ─▶ memory ─▶ Redis ─▶ unpack ─▶ fresh | stale | for errors only | nothing

A worker's memory holds fresh entries only, so a newer answer that another worker computed is found
in Redis. Entries that were deleted (`gateway.cache.deletions`) are never found again.
"""

import random
from collections.abc import Callable, Sequence
from functools import cache, partial
from time import time

from gateway.cache import key as keys_of
from gateway.cache.deletions import Deletions
from gateway.cache.entry import Entry, Unreadable, pack, unpack
from gateway.cache.generations import Generations
from gateway.cache.lease import Acquired, Leases
from gateway.cache.lookup import Lookup
from gateway.cache.memory_tier import MemoryTier
from gateway.cache.namespaces import Namespaces
from gateway.cache.policy import CachePolicy, Policies, Use, use_of
from gateway.cache.redis_tier import RedisTier, Store
from gateway.observability import metrics
from gateway.request.cache_control import NONE, Directives
from gateway.request.prediction import Item
from model_repository.manifest import Manifest

LEAST_LIFE_S = 0.001


class Cache:
    """Both tiers under the policies of the models; either tier may be missing.

    `clock` returns Unix time, `draw` a number that is uniform in [0, 1).
    """

    def __init__(
        self,
        policies: Policies,
        *,
        memory: MemoryTier | None = None,
        redis: RedisTier | None = None,
        refresh_s: float = 1.0,
        clock: Callable[[], float] = time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.policies = policies
        self._memory, self._redis = memory, redis
        self._leases = Leases(redis) if redis else None
        self._clock, self._draw = clock, draw
        generations = Generations()
        self._namespaces = Namespaces(policies, generations)
        self.deletions = Deletions(generations, redis, self._namespaces.clear, refresh_s=refresh_s, clock=clock)

    @property
    def state(self) -> str:
        """`ok`, `none` where there is no cache, or `does not answer` while Redis is gone."""
        if self._redis is not None and not self._redis.up:
            return "does not answer"
        return "ok" if self._redis or self._memory is not None else "none"

    def keys(self, manifest: Manifest, tenant: str, items: Sequence[Item]) -> list[bytes]:
        """The keys of a tenant's items for a packaged version."""
        space, make = self._namespaces.of(manifest, tenant), keys_of.key
        return [make(space, item) for item in items]

    async def look_up(self, keys: Sequence[bytes], manifest: Manifest, width: int | None, directives: Directives) -> Lookup:
        """Look `keys` up; `width` is the count of numbers in a row, None for rows of JSON."""
        found = Lookup()
        policy = self.policies.of(manifest.model)
        if not policy.enabled:
            return found
        now_s = self._clock()
        missing: list[bytes] = []
        for key in keys:
            entry = self._memory.get(key, now_s) if self._memory is not None else None
            if entry is None or (directives is not NONE and use_of(entry, policy, directives, now_s) is not Use.ANSWER):
                missing.append(key)
            else:
                found.entries[key] = entry
        in_memory = len(found.entries)
        if missing and self._redis:
            missing = list(dict.fromkeys(missing))
            for key, value in zip(missing, await self._values(self._redis, missing), strict=True):
                if value is not None and (entry := self._unpacked(key, value, width, policy)):
                    self._sort(found, key, entry, policy, directives, now_s)
        if in_memory:
            _hits_meter(manifest.model, manifest.version, "memory")(in_memory)
        if len(found.entries) > in_memory:
            _hits_meter(manifest.model, manifest.version, "redis")(len(found.entries) - in_memory)
        return found

    def age_s(self, found: Lookup) -> int:
        """The age of the oldest entry in whole seconds."""
        return max(0, int(self._clock() - min(entry.made_at_s for entry in found.entries.values())))

    def store(self, key: bytes, row: bytes, manifest: Manifest, token: bytes | None = None) -> None:
        """Store a row soon, without waiting for it.

        `token` is the one of the lease under which the row was computed, if there was a lease.
        """
        policy = self.policies.of(manifest.model)
        if not policy.enabled:
            return
        if len(row) > policy.max_value_bytes:
            metrics.CACHE_REFUSED.labels(manifest.model, manifest.version).inc()
            if token is not None and self._redis:
                self._redis.release(key, token)
            return
        now_s = self._clock()
        fresh_for_s = policy.fresh_for_s(self._draw())
        entry = Entry(now_s, now_s + fresh_for_s, row)
        if self._memory is not None:
            self._memory.put(key, entry, now_s)
        if self._redis:
            value = pack(key, entry, policy.compress_above_bytes)
            metrics.CACHE_BYTES.labels("written").inc(len(value))
            self._redis.store(Store(key, value, max(fresh_for_s + policy.stale_for_s, LEAST_LIFE_S), token, policy.stale_for_s))

    def uses_leases(self, manifest: Manifest) -> bool:
        """Whether a miss of this version asks for a lease before it is computed."""
        policy = self.policies.of(manifest.model)
        return policy.enabled and policy.lease_s > 0 and self._redis is not None and self._redis.up and self.deletions.up_to_date

    async def acquire(self, key: bytes, manifest: Manifest, width: int | None, left_s: float) -> Acquired:
        """Acquire the lease of a missing key, or the entry that another gateway computed meanwhile.

        The wait is at most a lease's life and at most half of `left_s`, so that time is left to
        compute the row here.
        """
        if self._leases is None:
            return Acquired()
        policy = self.policies.of(manifest.model)
        read = partial(self._fresh, key, width, policy)
        return await self._leases.acquire(key, policy.lease_s, min(policy.lease_s, left_s / 2), read)

    async def acquire_refresh(self, key: bytes, manifest: Manifest, width: int | None) -> Acquired | None:
        """Acquire the lease to refresh a stale key; None where another gateway is refreshing it."""
        if self._leases is None or not self.uses_leases(manifest):
            return Acquired()
        policy = self.policies.of(manifest.model)
        return await self._leases.try_acquire(key, policy.lease_s, partial(self._fresh, key, width, policy))

    def release(self, key: bytes, token: bytes | None) -> None:
        """Release a lease without a value."""
        if token is not None and self._redis:
            self._redis.release(key, token)

    async def aclose(self) -> None:
        """Finish the commands in flight and close the connections to Redis."""
        if self._redis:
            await self._redis.aclose()

    async def _values(self, redis: RedisTier, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        if not self.deletions.up_to_date:
            metrics.CACHE_ERRORS.labels("get").inc()
            return [None] * len(keys)
        return await redis.get(keys)

    def _unpacked(self, key: bytes, value: bytes, width: int | None, policy: CachePolicy) -> Entry | None:
        metrics.CACHE_BYTES.labels("read").inc(len(value))
        try:
            return unpack(key, value, width, policy.max_value_bytes)
        except Unreadable as exc:
            metrics.CACHE_UNREADABLE.labels(exc.reason).inc()
            return None

    def _fresh(self, key: bytes, width: int | None, policy: CachePolicy, value: bytes) -> Entry | None:
        entry, now_s = self._unpacked(key, value, width, policy), self._clock()
        if entry is None or entry.fresh_until_s <= now_s:
            return None
        if self._memory is not None:
            self._memory.put(key, entry, now_s)
        return entry

    def _sort(self, found: Lookup, key: bytes, entry: Entry, policy: CachePolicy, directives: Directives, now_s: float) -> None:
        match use_of(entry, policy, directives, now_s):
            case Use.ANSWER:
                found.entries[key] = entry
                if self._memory is not None:
                    self._memory.put(key, entry, now_s)
            case Use.ANSWER_AND_REFRESH:
                found.entries[key] = entry
                found.stale.add(key)
            case Use.ON_ERROR:
                found.on_error[key] = entry


# looking a label up in the library costs as much as counting does, and the labels are few
@cache
def _hits_meter(model: str, version: int, tier: str) -> Callable[[float], None]:
    return metrics.CACHE_HITS.labels(model, version, tier).inc
