"""The tier in Redis or Valkey: strict time limits, and a failure is a miss, never an error.

Each failure is counted. Concurrent look-ups are joined into one MGET; concurrent stores are joined
into one pipeline, and so are concurrent requests for leases. `gateway.cache.scripts` holds what
must be atomic.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha1
from time import monotonic
from typing import Any, NamedTuple

import structlog

from gateway.cache import scripts
from gateway.cache.key import lease_key
from gateway.cache.redis_connections import Command, NoReply, RedisConnections, Refused
from gateway.concurrency.joiner import Joiner
from gateway.observability import metrics

log = structlog.get_logger()
MAX_KEYS = 512
REST_AFTER_FAULT_S = 1.0
GENERATIONS_KEY = b"headrace-generations"


class Store(NamedTuple):
    """A value to store for `life_s` seconds, in the last `stale_for_s` of which it is stale.

    `token` is that of the lease under which it was computed. With None it is stored whoever holds
    the lease.
    """

    key: bytes
    value: bytes
    life_s: float
    token: bytes | None = None
    stale_for_s: float = 0.0


class Release(NamedTuple):
    """A lease to release without a value."""

    key: bytes
    token: bytes


class LeaseRequest(NamedTuple):
    """A request for a lease; see `RedisTier.lease`."""

    key: bytes
    token: bytes
    life_s: float
    seen: bytes
    unusable: str


class LeaseReply(NamedTuple):
    """The value that is stored, else the token of the lease's present holder.

    Both are None where the cache did not answer.
    """

    value: bytes | None = None
    holder: bytes | None = None


class RedisTier:
    """Values by key; each call waits for at most `timeout_s` seconds.

    After a fault no call is made for `REST_AFTER_FAULT_S`. `faults` counts how often the server did
    not answer.
    """

    def __init__(self, url: str, *, timeout_s: float, leases: bool, tls: Mapping[str, Any] | None = None) -> None:
        self._redis = RedisConnections(url, timeout_s=timeout_s, tls=tls)
        self._leases = leases
        self._resting_until = 0.0
        self.faults = 0
        self._gets: Joiner[bytes, bytes | None] = Joiner(self._mget, max_items=MAX_KEYS, max_in_flight=2)
        self._sets: Joiner[Store | Release, None] = Joiner(self._mset, max_items=MAX_KEYS, max_in_flight=1)
        self._asks: Joiner[LeaseRequest, LeaseReply] = Joiner(self._mlease, max_items=MAX_KEYS, max_in_flight=2)

    @property
    def up(self) -> bool:
        """Whether calls are made: false for `REST_AFTER_FAULT_S` after a fault."""
        return self._resting_until <= monotonic()

    async def get(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of `keys`, None for a miss and where the server did not answer in time."""
        futures = [self._gets.submit(key) for key in keys]
        return [await future for future in futures]

    def store(self, store: Store) -> None:
        """Store a value soon, without waiting for it."""
        self._sets.submit(store)

    async def lease(self, key: bytes, token: bytes, life_s: float, *, seen: bytes = b"", unusable: bytes | None = None) -> LeaseReply:
        """The value of `key`, or the lease to compute it.

        The lease is acquired where nobody holds it or its holder is `seen`. The value `unusable` is
        ignored: it is stale, or cannot be read.
        """
        name = "" if unusable is None else sha1(unusable, usedforsecurity=False).hexdigest()
        asked = self._asks.submit(LeaseRequest(key, token, life_s, seen, name))
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            # the lease may still be acquired: waiters would wait for a row that nobody computes
            asked.add_done_callback(partial(self._release_if_acquired, key, token))
            raise

    def release(self, key: bytes, token: bytes) -> None:
        """Release a lease soon, if it is still held under this token."""
        self._sets.submit(Release(key, token))

    def _release_if_acquired(self, key: bytes, token: bytes, asked: "asyncio.Future[LeaseReply]") -> None:
        if not asked.cancelled() and asked.exception() is None and asked.result().holder == token:
            self.release(key, token)

    async def generations(self) -> dict[str, int] | None:
        """All generation numbers; None where the server did not answer."""
        replies = await self._ask([("HGETALL", GENERATIONS_KEY)], "generations") if self.up else None
        if replies is None or not isinstance(found := replies[0], list):
            return None
        pairs = zip(found[::2], found[1::2], strict=True)
        return {scope.decode(errors="replace"): int(number) for scope, number in pairs if number.isdigit()}

    async def raise_generation(self, scope: str, at_least: int) -> int | None:
        """Raise the number of a scope above its old one and `at_least`; returns the new number.

        None where the server did not answer.
        """
        replies = await self._ask([("EVAL", scripts.RAISE_GENERATION, 1, GENERATIONS_KEY, scope, at_least)], "generations")
        return None if replies is None or isinstance(replies[0], Refused) else int(replies[0])

    async def keep_generation(self, scope: str, number: int) -> None:
        """Write back the number of a scope that the server has lost; a higher one stays."""
        await self._ask([("EVAL", scripts.KEEP_GENERATION, 1, GENERATIONS_KEY, scope, number)], "generations")

    async def aclose(self) -> None:
        """Finish the commands in flight and close the connections to Redis."""
        for joiner in (self._gets, self._asks, self._sets):
            await joiner.aclose()
        await self._redis.aclose()

    async def _mget(self, keys: list[bytes]) -> Sequence[bytes | None]:
        replies = await self._ask([("MGET", *keys)], "get")
        return replies[0] if replies and isinstance(replies[0], list) else [None] * len(keys)

    async def _mset(self, changes: list[Store | Release]) -> Sequence[None]:
        commands: list[Command] = []
        for change in changes:
            lease = lease_key(change.key)
            if isinstance(change, Release):
                commands.append(("EVAL", scripts.RELEASE_LEASE, 1, lease, change.token))
            elif change.token is None:
                commands.append(("SET", change.key, change.value, "PX", _milliseconds(change.life_s)))
                if self._leases:
                    commands.append(("DEL", lease))  # its holder computes an older value
            else:
                lives_ms = _milliseconds(change.life_s), int(change.stale_for_s * 1e3)
                commands.append(("EVAL", scripts.STORE_LEASED, 2, change.key, lease, change.token, change.value, *lives_ms))
        await self._ask(commands, "set")
        return [None] * len(changes)

    async def _mlease(self, calls: list[LeaseRequest]) -> Sequence[LeaseReply]:
        commands: list[Command] = [
            ("EVAL", scripts.ACQUIRE_LEASE, 2, key, lease_key(key), token, _milliseconds(life_s), seen, unusable)
            for key, token, life_s, seen, unusable in calls
        ]
        replies = await self._ask(commands, "lease")
        return [LeaseReply(*reply) if isinstance(reply, list) else LeaseReply() for reply in replies or [None] * len(calls)]

    async def _ask(self, commands: Sequence[Command], operation: str) -> list[Any] | None:
        """The replies; None where the server does not answer, and for a while after that."""
        if not self.up:
            metrics.CACHE_ERRORS.labels(operation).inc()
            return None
        try:
            replies = await self._redis.ask(commands)
        except NoReply as exc:
            metrics.CACHE_ERRORS.labels(operation).inc()
            self.faults += 1
            self._resting_until = monotonic() + REST_AFTER_FAULT_S
            log.warning("cache does not answer, going on without it", operation=operation, reason=str(exc), rest_s=REST_AFTER_FAULT_S)
            return None
        # the server is up and refused these commands only, for instance because its memory is full
        if refused := [reply for reply in replies if isinstance(reply, Refused)]:
            metrics.CACHE_ERRORS.labels(operation).inc(len(refused))
            log.warning("cache refused", operation=operation, commands=len(refused), reason=str(refused[0]))
        return replies


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1e3))
