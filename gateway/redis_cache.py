"""The response cache in Redis or Valkey: strict time limits, and a cache that fails is a miss and a counter, never an error.

The only module that knows `redis` for the cache. Concurrent look-ups are joined into one MGET, concurrent stores into one pipeline.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any, NamedTuple

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway import metrics
from gateway.joiner import Joiner

log = structlog.get_logger()
MAX_KEYS = 512
REST_AFTER_FAULT_S = 1.0


class _Store(NamedTuple):
    key: bytes
    value: bytes


class RedisCache:
    """Values by key, with a life of `ttl_s` seconds ± a share `ttl_jitter`: what was stored together does not expire together."""

    def __init__(self, url: str, *, ttl_s: float, ttl_jitter: float, timeout_s: float, tls: Mapping[str, Any] | None = None) -> None:
        self._redis: Redis = Redis.from_url(
            url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0), max_connections=8, **(tls or {})
        )
        self._ttl_s, self._ttl_jitter, self._timeout_s = ttl_s, ttl_jitter, timeout_s
        self._resting_until = 0.0
        self._gets: Joiner[bytes, bytes | None] = Joiner(self._mget, max_items=MAX_KEYS, max_in_flight=2)
        self._sets: Joiner[_Store, None] = Joiner(self._mset, max_items=MAX_KEYS, max_in_flight=1)

    @property
    def up(self) -> bool:
        """Whether the cache answered when it was last asked."""
        return self._resting_until <= monotonic()

    async def get(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of `keys`, None where there is none or the cache did not answer in time."""
        futures = [self._gets.submit(key) for key in keys]
        return [await future for future in futures]

    def store(self, key: bytes, value: bytes) -> None:
        """Store a value soon; nobody waits for it."""
        self._sets.submit(_Store(key, value))

    async def aclose(self) -> None:
        """Finish what is in flight and close the connections."""
        await self._gets.aclose()
        await self._sets.aclose()
        await self._redis.aclose()

    async def _mget(self, keys: list[bytes]) -> Sequence[bytes | None]:
        found: Sequence[Any] = [None] * len(keys)
        if not self.up:
            metrics.CACHE_ERRORS.labels("get").inc()
            return found
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await self._redis.mget(keys)
        except (RedisError, OSError, TimeoutError) as exc:
            self._rest("get", exc)
        return found

    async def _mset(self, stores: list[_Store]) -> Sequence[None]:
        if not self.up:
            metrics.CACHE_ERRORS.labels("set").inc()
            return [None] * len(stores)
        try:
            async with asyncio.timeout(self._timeout_s):
                pipeline = self._redis.pipeline(transaction=False)
                for key, value in stores:
                    pipeline.set(key, value, px=self._life_ms())
                await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as exc:
            self._rest("set", exc)
        return [None] * len(stores)

    def _life_ms(self) -> int:
        return max(1, int(1e3 * self._ttl_s * random.uniform(1 - self._ttl_jitter, 1 + self._ttl_jitter)))  # noqa: S311 - spreads expiry, guards nothing

    def _rest(self, operation: str, exc: Exception) -> None:
        metrics.CACHE_ERRORS.labels(operation).inc()
        self._resting_until = monotonic() + REST_AFTER_FAULT_S
        log.warning("cache does not answer, going on without it", operation=operation, reason=repr(exc), rest_s=REST_AFTER_FAULT_S)
