"""State in Redis or Valkey. The one module that knows `redis` for state.

Every call has a strict time limit. After a call that the server did not answer none is made for a
moment, so that requests that need state fail at once, not slowly.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar, cast

import structlog
from redis.asyncio import Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError, NoScriptError, RedisError, ResponseError

from gateway.errors import StateUnavailable
from gateway.observability import metrics
from gateway.state.durability import UNKNOWN, Durability, durability_of
from gateway.state.fitness import fault_of
from gateway.state.replacement import REPLACE, arguments
from gateway.state.script import Script
from gateway.state.slots import require_one_slot
from gateway.state.state import UNAVAILABLE, Changes, NewEntry, State, StreamEntry, require_entry_id, require_finite, require_new_entry

log = structlog.get_logger()
REST_AFTER_FAULT_S = 1.0
MAX_CONNECTIONS = 16
MAX_DISK_WAIT_S = 3.0
"""A server that writes to its disk once a second takes up to two."""
Reply = TypeVar("Reply")
_Entries = Awaitable[list[tuple[bytes, dict[bytes, bytes]]]]


class RedisState:
    """`State` on the server of `url`; a call takes at most `timeout_s` seconds.

    `cache_url` is where the cache is, None if there is none.
    """

    def __init__(self, url: str, *, timeout_s: float, tls: Mapping[str, Any] | None = None, cache_url: str | None = None) -> None:
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            max_connections=MAX_CONNECTIONS,
            **(tls or {}),
        )
        # what waits for the disk has connections of its own, which may be silent for longer
        self._on_disk: Redis = Redis.from_url(
            url,
            socket_timeout=timeout_s + MAX_DISK_WAIT_S,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            max_connections=MAX_CONNECTIONS,
            **(tls or {}),
        )
        self._timeout_s = timeout_s
        self._is_shared = cache_url is not None and _server(url) == _server(cache_url)
        self._resting_until = self._quiet_until = 0.0
        # the library's pool refuses a call when all connections are in use; here the call waits
        self._turns = asyncio.Semaphore(MAX_CONNECTIONS)
        self._digests: dict[str, str] = {}
        self._fault: str | None = None
        self._durability = UNKNOWN

    def __repr__(self) -> str:
        return f"<RedisState {'up' if self.up else 'resting after a fault'}>"

    @property
    def up(self) -> bool:
        """As `State.up`."""
        return self._resting_until <= monotonic()

    @property
    def fault(self) -> str | None:
        """As `State.fault`."""
        return self._fault

    @property
    def durability(self) -> Durability:
        """As `State.durability`."""
        return self._durability

    async def check(self) -> None:
        """As `State.check`."""
        try:
            async with asyncio.timeout(self._timeout_s), self._turns:
                runs_scripts = await _unless_refused(self._redis.eval("return 1", 0)) is not None
                memory = await _unless_refused(self._redis.info("memory")) or {}
                replicas = (await _unless_refused(self._redis.info("replication")) or {}).get("connected_slaves", 0)
                config = await _unless_refused(self._redis.config_get("append*"))
                # on a connection that has written nothing it answers at once
                can_wait = await _unless_refused(self._redis.waitaof(1, 0, 1)) is not None
        except (RedisError, OSError, TimeoutError):
            return  # `up` tells that it does not answer, once it is needed
        durability = durability_of(config=config, can_wait=can_wait, memory=memory, replicas=int(replicas))
        if durability != self._durability:
            self._durability = durability
            (log.info if durability.keeps else log.warning)("durability of state", keeps=durability.keeps, how=durability.sentence)
        fault = fault_of(runs_scripts=runs_scripts, memory=memory, is_shared=self._is_shared)
        if fault != self._fault:
            self._fault = fault
            if fault is None:
                log.info("state is fit")
            else:
                log.error("state answers, and is not fit to keep what must not be lost", reason=fault)

    async def hash_get(self, asked: Mapping[str, Sequence[str]]) -> dict[str, list[bytes | None]]:
        """As `State.hash_get`."""
        pipeline = self._redis.pipeline(transaction=False)
        names = [name for name, fields in asked.items() if fields]
        for name in names:
            pipeline.hmget(name, list(asked[name]))
        found = dict(zip(names, await self._ask(pipeline.execute), strict=True))
        return {name: found.get(name, []) for name in asked}

    async def hash_items(self, name: str) -> dict[bytes, bytes]:
        """As `State.hash_items`."""
        return await self._ask(lambda: cast(Awaitable[dict[bytes, bytes]], self._redis.hgetall(name)))

    async def hash_replace(self, name: str, changes: Changes) -> bool:
        """As `State.hash_replace`."""
        return await self._run_durably(REPLACE, [name], arguments(changes)) is not None

    async def hash_replace_with_audit(self, name: str, changes: Changes, audit: NewEntry) -> str | None:
        """As `State.hash_replace_with_audit`."""
        require_new_entry(audit)
        reply: bytes | None = await self._run_durably(REPLACE, [name, audit.stream], arguments(changes, audit))
        return None if reply is None else reply.decode()

    async def hash_add(self, amounts: Mapping[str, Mapping[str, float]], life_s: float | None = None) -> dict[str, dict[str, float]]:
        """As `State.hash_add`."""
        require_finite(amounts)
        require_one_slot(amounts)
        pipeline = self._redis.pipeline(transaction=True)
        for name, fields in amounts.items():
            for field, amount in fields.items():
                pipeline.hincrbyfloat(name, field, amount)
        if life_s is not None:
            for name in amounts:
                pipeline.pexpire(name, _ms(life_s))
        sums = iter(await self._ask(pipeline.execute))
        return {name: {field: float(next(sums)) for field in fields} for name, fields in amounts.items()}

    async def stream_append(self, entry: NewEntry) -> str:
        """As `State.stream_append`."""
        require_new_entry(entry)
        fields: dict[Any, Any] = dict(entry.fields)
        reply = await self._ask(lambda: self._redis.xadd(entry.stream, fields, maxlen=entry.max_entries, approximate=False))
        return cast(bytes, reply).decode()

    async def stream_read(self, name: str, after: str = "", count: int = 100) -> list[StreamEntry]:
        """As `State.stream_read`."""
        require_entry_id(after)
        first = f"({after}" if after else "-"
        return _entries(await self._ask(lambda: cast(_Entries, self._redis.xrange(name, min=first, count=count))))

    async def stream_read_back(self, name: str, before: str = "", count: int = 100) -> list[StreamEntry]:
        """As `State.stream_read_back`."""
        require_entry_id(before)
        first = f"({before}" if before else "+"
        return _entries(await self._ask(lambda: cast(_Entries, self._redis.xrevrange(name, max=first, count=count))))

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str | float], *, durably: bool = False) -> list[Any]:
        """As `State.run`; the server keeps the script by its digest."""
        run = self._run_durably if durably else self._run
        reply: list[Any] = await run(script.lua, keys, arguments)
        return reply

    async def aclose(self) -> None:
        """As `State.aclose`."""
        await self._redis.aclose()
        await self._on_disk.aclose()

    async def _run_durably(self, lua: str, keys: Sequence[str], arguments: Sequence[str | bytes | float]) -> Any:
        """Run a script, and wait for the disk where the server does not by itself.

        Raises:
            StateUnavailable: it is not known to be on disk.
        """
        if not self._durability.must_wait:
            return await self._run(lua, keys, arguments)
        require_one_slot(keys)
        # WAITAOF counts what its own connection wrote, so both go in one pipeline
        pipeline = self._on_disk.pipeline(transaction=False)
        pipeline.eval(lua, len(keys), *keys, *arguments)
        pipeline.execute_command("WAITAOF", 1, 0, _ms(MAX_DISK_WAIT_S))
        reply, (on_disk, _) = await self._ask(pipeline.execute, self._timeout_s + MAX_DISK_WAIT_S)
        if not on_disk:
            metrics.STATE_ERRORS.inc()
            raise StateUnavailable(UNAVAILABLE)
        return reply

    async def _run(self, lua: str, keys: Sequence[str], arguments: Sequence[str | bytes | float]) -> Any:
        """Run a script by its digest, or by its text where the server does not know the digest.

        EVAL keeps the script, so SCRIPT LOAD is not needed: some users may not call it, and some
        proxies do not know it.
        """
        require_one_slot(keys)
        if lua not in self._digests:
            self._digests[lua] = hashlib.sha1(lua.encode(), usedforsecurity=False).hexdigest()
        digest, given = self._digests[lua], [*keys, *arguments]

        async def call() -> Any:
            try:
                return await self._redis.evalsha(digest, len(keys), *given)
            except ResponseError as exc:
                if not isinstance(exc, NoScriptError | NoPermissionError) and "unknown command" not in str(exc).lower():
                    raise
                return await self._redis.eval(lua, len(keys), *given)

        return await self._ask(call)

    async def _ask(self, call: Callable[[], Awaitable[Reply]], timeout_s: float | None = None) -> Reply:
        if not self.up:
            metrics.STATE_ERRORS.inc()
            raise StateUnavailable(UNAVAILABLE)
        try:
            async with asyncio.timeout(timeout_s or self._timeout_s), self._turns:
                return await call()
        except ResponseError as exc:
            # the server is up and refuses this command only: others need no rest
            metrics.STATE_ERRORS.inc()
            if self._quiet_until <= (now := monotonic()):
                self._quiet_until = now + REST_AFTER_FAULT_S
                log.warning("state refused a command", reason=_told(exc))
            raise StateUnavailable(UNAVAILABLE) from exc
        except (RedisError, OSError, TimeoutError) as exc:
            metrics.STATE_ERRORS.inc()
            self._resting_until = monotonic() + REST_AFTER_FAULT_S
            log.warning("state does not answer", reason=_told(exc), rest_s=REST_AFTER_FAULT_S)
            raise StateUnavailable(UNAVAILABLE) from exc


async def _unless_refused(call: Any) -> Any:
    """The reply to a command; None where the server refuses it."""
    try:
        return await call
    except ResponseError:
        return None


def _told(exc: Exception) -> str:
    """An error by its name and message; the library's own `repr` leaves the message out."""
    return f"{type(exc).__name__}: {exc}"


def _server(url: str) -> tuple[Any, ...]:
    """What tells the server of a URL from others; two names of one server count as two."""
    given = parse_url(url)
    return given.get("path"), given.get("host"), given.get("port")


def _entries(replies: list[tuple[bytes, dict[bytes, bytes]]]) -> list[StreamEntry]:
    return [StreamEntry(id_.decode(), {name.decode(): value for name, value in fields.items()}) for id_, fields in replies]


def _ms(seconds: float) -> int:
    return max(1, round(1e3 * seconds))


if TYPE_CHECKING:
    _fulfils: type[State] = RedisState
