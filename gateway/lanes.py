"""The lanes: one for each packaged version that is served.

A lane is made when its version is first asked for, and evicted some time after the catalog has
dropped the version: what a lane has learned of its limit outlives a reading of the catalog that
lacked it.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import NamedTuple

from gateway.admission.queue_limits import QueueLimits
from gateway.catalog.catalog import Catalog, ServedModel
from gateway.errors import NotFound, NotReady
from gateway.lane import Lane
from gateway.observability import metrics
from gateway.triton.model_server import ModelServer
from model_repository.manifest import Manifest

UPKEEP_INTERVAL_S = 1.0
EVICTED_AFTER_S = 10.0
"""For this long the catalog lacks a version before its lane is evicted."""


class _Key(NamedTuple):
    """The packaged version of a lane.

    A re-export in place gives a version another digest, and so another lane.
    """

    model: str
    version: int
    digest: str


class Lanes:
    """Finds the lane of a version.

    `catalog` and `queue_limits`, which takes a model's name, return what is in force now. `clock`
    counts seconds.
    """

    def __init__(
        self,
        triton: ModelServer,
        catalog: Callable[[], Catalog],
        queue_limits: Callable[[str], QueueLimits],
        price_usd_per_hour: float | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._triton, self._catalog, self._queue_limits = triton, catalog, queue_limits
        self._price_usd_per_hour, self._clock = price_usd_per_hour, clock
        self._dropped_at: dict[_Key, float] = {}
        self._lanes: dict[_Key, Lane] = {}

    def __repr__(self) -> str:
        return f"<Lanes {', '.join(f'{key.model}/{key.version}' for key in self._lanes)}>"

    def of(self, model: str, version: int) -> Lane:
        """The lane of a version, whether the version is ready or not.

        The cached rows of a version that is not ready are answered.

        Raises:
            NotFound: there is no such model or version.
            NotReady: the version must not answer, or Triton was never seen.
        """
        served = self._catalog().model(model)
        if version not in served.versions:
            raise NotFound(f"model {served.name} has no version {version}; there are: {', '.join(map(str, served.versions))}")
        if served.versions[version].refused:
            # it must not answer from the cache either: an altered manifest cannot be trusted
            ready = ready_versions(served)
            raise NotReady(f"version {version} of model {served.name} is refused: its signature is missing or wrong; ready: {ready}")
        manifest = served.versions[version].manifest
        key = _Key(served.name, version, manifest.digest)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(self._triton, manifest, served, self._queue_limits(served.name), self._price_usd_per_hour)
        lane.follow(served)
        return lane

    def is_busy(self, model: str, version: int) -> bool:
        """Whether an item waits for a call to a version."""
        return any(lane.is_busy for key, lane in self._lanes.items() if (key.model, key.version) == (model, version))

    def require_ready(self, manifest: Manifest) -> None:
        """Check that Triton can answer for a version.

        Raises:
            NotReady: it cannot; the message names the versions that can.
        """
        served = self._catalog().model(manifest.model)
        if not served.is_ready(manifest.version):
            raise NotReady(f"version {manifest.version} of model {served.name} is not ready; ready: {ready_versions(served)}")

    def reread_queue_limits(self) -> None:
        """Set the present queue limits of each model; items that wait already stay queued."""
        for key, lane in self._lanes.items():
            lane.set_queue_limits(self._queue_limits(key.model))

    def evict(self) -> None:
        """Remove the idle lanes of versions that the catalog has lacked for `EVICTED_AFTER_S`."""
        catalog, now_s = self._catalog(), self._clock()
        for key, lane in list(self._lanes.items()):
            if _serves(catalog, key):
                self._dropped_at.pop(key, None)
                continue
            if now_s - self._dropped_at.setdefault(key, now_s) < EVICTED_AFTER_S or not lane.idle:
                continue
            del self._lanes[key], self._dropped_at[key]
            lane.savings.flush()
            if not any((other.model, other.version) == (key.model, key.version) for other in self._lanes):
                metrics.remove(metrics.LIMIT, key.model, key.version)
                metrics.remove(metrics.PENDING, key.model, key.version)

    async def watch(self) -> None:
        """Bring the metrics of savings up to date and evict lanes, every second for ever."""
        while True:
            await asyncio.sleep(UPKEEP_INTERVAL_S)
            for lane in self._lanes.values():
                lane.savings.flush()
            if self._lanes:
                self.evict()


def ready_versions(model: ServedModel) -> str:
    """The versions that are ready, as an error names them."""
    return ", ".join(str(number) for number in model.versions if model.is_ready(number)) or "none"


def _serves(catalog: Catalog, key: _Key) -> bool:
    model = catalog.models.get(key.model)
    version = None if model is None else model.versions.get(key.version)
    return version is not None and version.manifest.digest == key.digest
