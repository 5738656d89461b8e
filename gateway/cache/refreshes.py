"""Stale-while-revalidate: what was answered although it is stale is computed anew once, in the
background.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

import structlog

from gateway.cache.cache import Cache
from gateway.cache.fill import Computes, Fill
from gateway.concurrency.ending import end
from gateway.errors import GatewayError
from gateway.observability import metrics
from gateway.request.prediction import Item
from model_repository.manifest import Manifest

log = structlog.get_logger()
AGAIN_S = 1.0
"""So long after a refresh that failed none of its key begins: the next requests would each fail as
this one did.
"""


class Refreshes:
    """The refreshes under way, at most one for each key; each may take `timeout_s` seconds.

    `require_ready` raises `NotReady` where a lane's version cannot answer.
    """

    def __init__(self, cache: Cache, fill: Fill, require_ready: Callable[[Manifest], None], timeout_s: float) -> None:
        self._cache, self._fill, self._require_ready, self._timeout_s = cache, fill, require_ready, timeout_s
        self._under_way: dict[bytes, asyncio.Task[None]] = {}

    def start(self, lane: Computes, items: Mapping[bytes, Item]) -> None:
        """Compute these anew, soon; those that are under way are not begun again."""
        for key, item in items.items():
            if key not in self._under_way:
                task = self._under_way[key] = asyncio.create_task(self._refresh(key, item, lane))
                task.add_done_callback(partial(self._done, key))

    async def aclose(self) -> None:
        """Leave what is under way."""
        await end(self._under_way.values())

    def _done(self, key: bytes, _: "asyncio.Task[None]") -> None:
        del self._under_way[key]

    async def _refresh(self, key: bytes, item: Item, lane: Computes) -> None:
        manifest = lane.manifest
        token: bytes | None = None
        result = "elsewhere"
        try:
            self._require_ready(manifest)
            grant = await self._cache.acquire_refresh(key, manifest, lane.width)
            if grant is not None:
                token = grant.token
                row = self._fill.refresh(key, item, lane, asyncio.get_running_loop().time() + self._timeout_s, token)
                if row is None:
                    self._cache.give_back(key, token)
                else:
                    await row
                    result = "done"
        except GatewayError as exc:
            result = "failed"
            self._cache.give_back(key, token)
            log.warning("stale entry not computed anew", model=manifest.model, version=manifest.version, reason=exc.message)
        metrics.CACHE_REFRESHES.labels(manifest.model, manifest.version, result).inc()
        if result == "failed":
            await asyncio.sleep(AGAIN_S)
