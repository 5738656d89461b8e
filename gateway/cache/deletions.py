"""Deletions, as a worker makes them and hears of them: through generation numbers in Redis, read
every `refresh_s` seconds.

A worker that cannot read the numbers may not know of a deletion. Its memory tier holds an answer
for a short life only, so it goes on answering. Redis still holds what was deleted meanwhile, under
the old numbers, so a worker reads nothing from Redis until it has read the numbers again.
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
"""After this long the numbers are read again where Redis did not answer."""


class Deletions:
    """Keeps `generations` up to date; `changed` is called when they have changed.

    `clock` is Unix time.
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
        # how often Redis had failed when the numbers were last read from it; None: they never were
        self._faults_when_read: int | None = None

    @property
    def known(self) -> bool:
        """Whether the numbers were read since Redis last failed."""
        return self._redis is None or self._redis.faults == self._faults_when_read

    async def delete(self, scope: str) -> None:
        """Begin a new generation: nothing of this scope that was stored until now is answered any
        more.

        Here at once, in other workers within `refresh_s` seconds.

        Raises:
            NotReady: Redis does not answer, so other workers cannot be told.
        """
        number = int(self._clock() * 1e3)
        if self._redis:
            raised = await self._redis.raise_generation(scope, max(number, self._generations.numbers.get(scope, 0)))
            if raised is None:
                raise NotReady("the cache does not answer, so nothing was deleted; try again later")
            number = raised
        self._merge({**self._generations.numbers, scope: number})

    async def watch(self) -> None:
        """Read the numbers every `refresh_s` seconds, for ever; sooner where Redis did not answer."""
        while True:
            await self.read()
            await asyncio.sleep(self.refresh_s if self.known else min(READ_AGAIN_S, self.refresh_s))

    async def read(self) -> None:
        """Read the numbers once, and write back those that Redis has lost."""
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
