"""Stale-while-revalidate: a stale entry that answered is computed anew once, in the background."""

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
RETRY_AFTER_S = 1.0
"""Seconds after a failed refresh in which no refresh of its key starts.

Without this pause each of the next requests would start a refresh that fails in the same way.
"""


class Refreshes:
    """The refreshes that are running, at most one for each key and each for `timeout_s` at most.

    `require_ready` raises `NotReady` for a version that cannot answer.
    """

    def __init__(self, cache: Cache, fill: Fill, require_ready: Callable[[Manifest], None], timeout_s: float) -> None:
        self._cache, self._fill, self._require_ready, self._timeout_s = cache, fill, require_ready, timeout_s
        self._running: dict[bytes, asyncio.Task[None]] = {}

    def start(self, lane: Computes, items: Mapping[bytes, Item]) -> None:
        """Start a refresh of these items, except of those whose refresh is running."""
        for key, item in items.items():
            if key not in self._running:
                task = self._running[key] = asyncio.create_task(self._refresh(key, item, lane))
                task.add_done_callback(partial(self._done, key))

    async def aclose(self) -> None:
        """Cancel the refreshes that are running."""
        await end(self._running.values())

    def _done(self, key: bytes, _: "asyncio.Task[None]") -> None:
        del self._running[key]

    async def _refresh(self, key: bytes, item: Item, lane: Computes) -> None:
        manifest = lane.manifest
        token: bytes | None = None
        result = "elsewhere"
        try:
            self._require_ready(manifest)
            acquired = await self._cache.acquire_refresh(key, manifest, lane.width)
            if acquired is not None:
                token = acquired.token
                row = self._fill.refresh(key, item, lane, asyncio.get_running_loop().time() + self._timeout_s, token)
                if row is None:
                    self._cache.release(key, token)
                else:
                    await asyncio.shield(row)
                    result = "done"
        except GatewayError as exc:
            result = "failed"
            self._cache.release(key, token)
            log.warning("stale entry not computed anew", model=manifest.model, version=manifest.version, reason=exc.message)
        metrics.CACHE_REFRESHES.labels(manifest.model, manifest.version, result).inc()
        if result == "failed":
            await asyncio.sleep(RETRY_AFTER_S)
