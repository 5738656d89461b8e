"""State in Redis or Valkey: what must not be lost (keys, limits) and what is counted. The one module that knows `redis` for state.

Every call has a strict time limit. After a fault it rests for a moment, so that requests that need state fail at once, not slowly.
State carries no TTL; only counters do.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import Any, TypeVar, cast

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.errors import StateUnavailable
from gateway.observability import metrics

log = structlog.get_logger()
REST_AFTER_FAULT_S = 1.0
MAX_CONNECTIONS = 16
Answer = TypeVar("Answer")
# fields of KEYS[1]: ARGV is (field, expected or "", new), …; nothing is written unless all are as expected
_REPLACE = """
for i = 1, #ARGV, 3 do
    if (redis.call('HGET', KEYS[1], ARGV[i]) or '') ~= ARGV[i + 1] then return 0 end
end
for i = 1, #ARGV, 3 do
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
end
return 1
"""


class RedisState:
    """Hashes and scripts. Every method raises `StateUnavailable` when the server does not answer in time."""

    def __init__(self, url: str, *, timeout_s: float, tls: Mapping[str, Any] | None = None) -> None:
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            max_connections=MAX_CONNECTIONS,
            **(tls or {}),
        )
        self._timeout_s = timeout_s
        self._resting_until = 0.0
        # the library's pool refuses whoever finds all connections in use; here they wait for their turn
        self._turns = asyncio.Semaphore(MAX_CONNECTIONS)
        self._replace = self._redis.register_script(_REPLACE)

    @property
    def up(self) -> bool:
        """Whether it answered when it was last asked."""
        return self._resting_until <= monotonic()

    async def hash_get(self, asked: Mapping[str, Sequence[str]]) -> dict[str, list[bytes | None]]:
        """Fields of several hashes in one round trip: {name: [field, …]} → {name: [value, …]}."""
        pipeline = self._redis.pipeline(transaction=False)
        for name, fields in asked.items():
            pipeline.hmget(name, list(fields))
        return dict(zip(asked, await self._ask(pipeline.execute), strict=True))

    async def hash_items(self, name: str) -> dict[bytes, bytes]:
        """All fields of a hash."""
        return await self._ask(lambda: cast(Awaitable[dict[bytes, bytes]], self._redis.hgetall(name)))

    async def hash_replace(self, name: str, fields: Mapping[str, tuple[bytes | None, bytes]]) -> bool:
        """Write fields together if each still has its expected value (None: is not there): {field: (expected, new)}."""
        arguments = [part for field, (expected, new) in fields.items() for part in (field, expected or b"", new)]
        return bool(await self._ask(lambda: self._replace(keys=[name], args=arguments)))

    async def run(self, script: str, keys: Sequence[str], arguments: Sequence[str | float]) -> list[Any]:
        """Run a Lua script; the server keeps it by its digest."""
        answer: list[Any] = await self._ask(lambda: self._redis.register_script(script)(keys=list(keys), args=list(arguments)))
        return answer

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _ask(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        if not self.up:
            metrics.STATE_ERRORS.inc()
            raise StateUnavailable("the gateway's state cannot be read now; try again later")
        try:
            async with asyncio.timeout(self._timeout_s), self._turns:
                return await call()
        except (RedisError, OSError, TimeoutError) as exc:
            metrics.STATE_ERRORS.inc()
            self._resting_until = monotonic() + REST_AFTER_FAULT_S
            log.warning("state does not answer", reason=repr(exc), rest_s=REST_AFTER_FAULT_S)
            raise StateUnavailable("the gateway's state cannot be read now; try again later") from exc
