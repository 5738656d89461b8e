"""Deletions, which reach every worker through generation numbers in Redis.

Each worker reads the numbers every `refresh_s` seconds. A worker that cannot read them may have
missed a deletion. It goes on answering from its memory tier, which holds an entry for a short life
only. It reads nothing from Redis until it has read the numbers again, since Redis still holds the
deleted entries under the old numbers.
"""

import asyncio
from collections.abc import Callable, Mapping
from time import time

import structlog

from gateway.cache.generations import Generations
from gateway.cache.redis_tier import RedisTier
from gateway.errors import NotReady

log = structlog.get_logger()
READ_AGAIN_S = 0.1
"""Seconds until the numbers are read again after Redis did not answer."""


class Deletions:
    """Keeps `generations` up to date and calls `changed` after each change.

    `clock` returns Unix time.
    """

    def __init__(
        self,
        generations: Generations,
        redis: RedisTier | None,
        changed: Callable[[], None],
        *,
        refresh_s: float = 1.0,
        clock: Callable[[], float] = time,
    ) -> None:
        self.refresh_s = refresh_s
        self._generations, self._redis, self._changed, self._clock = generations, redis, changed, clock
        # how often Redis had failed when the numbers were last read; None: they were never read
        self._faults_when_read: int | None = None

    @property
    def up_to_date(self) -> bool:
        """Whether the numbers were read after the last failure of Redis."""
        return self._redis is None or self._redis.faults == self._faults_when_read

    async def delete(self, scope: str) -> None:
        """Start a new generation of a scope, so that its present entries answer no more requests.

        It takes effect in this worker at once and in other workers within `refresh_s` seconds.

        Raises:
            NotReady: Redis does not answer, so the deletion cannot reach the other workers.
        """
        number = int(self._clock() * 1e3)
        if self._redis:
            raised = await self._redis.raise_generation(scope, max(number, self._generations.numbers.get(scope, 0)))
            if raised is None:
                raise NotReady("the cache does not answer, so nothing was deleted; try again later")
            number = raised
        self._merge({**self._generations.numbers, scope: number})

    async def watch(self) -> None:
        """Read the numbers every `refresh_s` seconds for ever; sooner if Redis did not answer."""
        while True:
            await self.read()
            await asyncio.sleep(self.refresh_s if self.up_to_date else min(READ_AGAIN_S, self.refresh_s))

    async def read(self) -> None:
        """Read the numbers once, and write back the numbers that Redis has lost."""
        faults = self._redis.faults if self._redis else 0
        if self._redis is None or (seen := await self._redis.generations()) is None:
            return
        self._faults_when_read = faults
        for scope, number in self._merge(seen).items():
            log.warning("generation lost by the cache is written back", scope=scope)
            await self._redis.keep_generation(scope, number)

    def _merge(self, seen: Mapping[str, int]) -> dict[str, int]:
        newer, lost = self._generations.merge(seen)
        if newer:
            self._changed()
        return lost
