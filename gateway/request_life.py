"""A request's life between parsing and answering, in the order in which it happens.

    assign → look up → coalesce → admit → infer → store → answer

Assignment comes before look-up, so variants never share an entry. Admission comes before the flights start, so a request is
either shed whole or computed whole.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from random import random

import structlog

from gateway import metrics
from gateway.assignment import Experiment, assign
from gateway.cache.cache import Cache
from gateway.cache.fill import Fill
from gateway.cache.flights import Flight, Flights
from gateway.cache.found import Found
from gateway.cache.refreshes import Refreshes
from gateway.cache.savings import Savings
from gateway.catalog import Catalog, ServedModel
from gateway.context import RequestContext
from gateway.errors import DeadlineExceeded, GatewayError, InvalidRequest, NotCached, NotFound, NotReady
from gateway.joiner import Joiner
from gateway.limiter import Limiter
from gateway.prediction import Item, Prediction, PredictionRequest
from gateway.row import width_of
from gateway.triton import Triton
from model_repository.manifest import Manifest

log = structlog.get_logger()
FLUSH_INTERVAL_S = 1.0


class Lane:
    """The way to one packaged version: its permits, and the joiner in front of Triton."""

    def __init__(
        self, triton: Triton, manifest: Manifest, savings: Savings, *, max_items: int, max_in_flight: int, max_pending: int
    ) -> None:
        self.manifest = manifest
        self.savings = savings
        self.width = width_of(manifest)
        self.limiter = Limiter(max_pending)
        self._triton = triton
        self._joiner: Joiner[tuple[Item, float], bytes] = Joiner(self._infer, max_items, max_in_flight, even=True)
        self._pending = metrics.PENDING.labels(manifest.model, manifest.version)

    def submit(self, item: Item, deadline: float) -> "asyncio.Future[bytes]":
        """The row of an item for which a permit is held; the permit goes back when the row is there."""
        row = self._joiner.submit((item, deadline), company=deadline)  # of one request
        self._pending.inc()
        row.add_done_callback(self._released)
        return row

    def _released(self, _: "asyncio.Future[bytes]") -> None:
        self.limiter.release()
        self._pending.dec()

    async def _infer(self, waiting: list[tuple[Item, float]]) -> Sequence[bytes | Exception]:
        left_s = max(deadline for _, deadline in waiting) - asyncio.get_running_loop().time()
        with self.savings.call(len(waiting)):
            return await self._triton.infer(self.manifest, [item for item, _ in waiting], max(left_s, 0.001))


class RequestLife:
    """Answers prediction requests. `catalog` and `experiments` give the snapshots that are in force now."""

    def __init__(
        self,
        triton: Triton,
        cache: Cache,
        catalog: Callable[[], Catalog],
        experiments: Callable[[], Mapping[str, Experiment]],
        *,
        max_pending: int,
        max_in_flight: int | None,
        refresh_timeout_s: float = 10.0,
        price_usd_per_hour: float | None = None,
        draw: Callable[[], float] = random,
    ) -> None:
        self._triton, self._cache = triton, cache
        self._catalog, self._experiments = catalog, experiments
        self._max_pending, self._max_in_flight = max_pending, max_in_flight
        self._price_usd_per_hour, self._draw = price_usd_per_hour, draw
        self._flights = Flights()
        self._fill = Fill(cache, self._flights)
        self._refreshes = Refreshes(cache, self._fill, self._require_ready, refresh_timeout_s)
        self._lanes: dict[tuple[str, int, str], Lane] = {}

    def assign(self, name: str, version: int | None, unit: str, ctx: RequestContext) -> Lane:
        """The version that answers: the one asked for, else the one of the unit's variant, else the default one; noted in `ctx`.

        Raises:
            NotFound: no such model or version.
            NotReady: Triton was never seen, or the version is one that must not answer.
        """
        model = self._catalog().model(name)
        ctx.model = model.name
        number = self._version(model, version, unit, ctx)
        if number not in model.versions:
            raise NotFound(f"model {model.name} has no version {number}; there are: {', '.join(map(str, model.versions))}")
        if model.versions[number].refused:
            # not from the cache either: nobody answers for what an altered manifest says
            raise NotReady(f"version {number} of model {model.name} is refused: its signature is missing or wrong; ready: {_ready(model)}")
        ctx.version = number
        ctx.lap("assign")
        return self._lane(model, number)

    async def predict(self, lane: Lane, request: PredictionRequest, ctx: RequestContext) -> Prediction:
        """Answer a request by the version that was assigned, and write into `ctx` what was decided.

        Raises:
            NotReady: the version is not ready, or Triton is gone.
            Overloaded: too many items wait for this version.
            DeadlineExceeded: no answer before the request's deadline.
            InvalidRequest: an item that the model cannot process.
            BackendBroken: Triton answered what it must not.
            NotCached: not everything is cached, and the client wanted nothing else.
        """
        keys = request.keys or self._cache.keys(lane.manifest, ctx.tenant, request.items)
        look_up = request.cache.look_up and not ctx.cache_bypass
        found = await self._cache.look_up(keys, lane.manifest, lane.width, request.cache) if look_up else Found()
        ctx.lap("lookup")
        ctx.cache = found.status(keys) if look_up else "bypass"
        rows: dict[bytes, bytes] = {}
        if ctx.cache not in ("hit", "stale"):
            if request.cache.only_if_cached:
                raise NotCached("the cache does not hold the answer, and Cache-Control: only-if-cached wants no other")
            try:
                rows = await self._infer(request, lane, keys, found, alone=ctx.cache_bypass)
            except GatewayError as exc:
                if not found.rescue(keys, exc):
                    raise
                log.warning("answered from stale entries", model=lane.manifest.model, version=lane.manifest.version, reason=exc.message)
                ctx.cache = "stale"
            ctx.lap("infer")
        self._count_known(lane, keys, found)
        if found.stale:
            self._refreshes.start(lane, {k: item for k, item in zip(keys, request.items, strict=True) if k in found.stale})
        age_s = None if rows else self._cache.age_s(found)
        entries = found.entries
        return Prediction(lane.manifest, [entries[k].row if k in entries else rows[k] for k in keys], age_s)

    async def watch(self) -> None:
        """Bring the counters of what hits saved up to date every second, for ever."""
        while True:
            await asyncio.sleep(FLUSH_INTERVAL_S)
            for lane in self._lanes.values():
                lane.savings.flush()

    async def aclose(self) -> None:
        """Leave what is computed for nobody's request."""
        await self._refreshes.aclose()

    def _version(self, model: ServedModel, version: int | None, unit: str, ctx: RequestContext) -> int:
        if version is not None:
            return version
        experiment = self._experiments().get(model.name)
        if experiment is None:
            return model.default_version
        variant = assign(experiment, unit)
        if variant is None:
            return _outside(experiment, model)
        if not model.is_ready(variant.version):
            # an answer outside the experiment is better than none, and an exposure that did not happen must not be counted
            metrics.FALLBACKS.labels(experiment.key, variant.name).inc()
            return _outside(experiment, model)
        ctx.experiment, ctx.variant = experiment.key, variant.name
        ctx.cache_bypass = experiment.cache_bypass > 0 and self._draw() < experiment.cache_bypass
        return variant.version

    def _lane(self, model: ServedModel, version: int) -> Lane:
        manifest = model.versions[version].manifest
        name = (model.name, version, manifest.digest)
        if name not in self._lanes:
            self._lanes[name] = Lane(
                self._triton,
                manifest,
                Savings(model.name, version, model.instances, self._price_usd_per_hour),
                max_items=model.max_batch_size,
                # one more than can run, so that no instance waits for the gateway
                max_in_flight=self._max_in_flight or model.instances + 1,
                max_pending=self._max_pending,
            )
        return self._lanes[name]

    async def _infer(
        self, request: PredictionRequest, lane: Lane, keys: Sequence[bytes], found: Found, *, alone: bool = False
    ) -> dict[bytes, bytes]:
        missing = {k: item for k, item in zip(keys, request.items, strict=True) if k not in found.entries}
        self._require_ready(lane.manifest)
        fresh = [k for k in missing if alone or k not in self._flights]
        lane.limiter.admit(len(fresh))
        known = sum(k in found.entries for k in keys)
        self._count(lane, {"miss": len(fresh), "coalesced": len(keys) - known - len(fresh)})
        flights = [self._fill.join(k, item, lane, request.deadline, request.cache, alone=alone) for k, item in missing.items()]
        try:
            return await self._land(flights, request)
        finally:
            self._flights.leave(flights)

    def _count_known(self, lane: Lane, keys: Sequence[bytes], found: Found) -> None:
        known = sum(k in found.entries for k in keys)
        stale = sum(k in found.stale or k in found.rescued for k in keys) if found.stale or found.rescued else 0
        lane.savings.hit(known)
        self._count(lane, {"hit": known - stale, "stale": stale})

    def _require_ready(self, manifest: Manifest) -> None:
        model = self._catalog().model(manifest.model)
        if not model.is_ready(manifest.version):
            raise NotReady(f"version {manifest.version} of model {model.name} is not ready; ready: {_ready(model)}")

    async def _land(self, flights: list[Flight], request: PredictionRequest) -> dict[bytes, bytes]:
        left_s = request.deadline - asyncio.get_running_loop().time()
        _, late = await asyncio.wait([flight.row for flight in flights], timeout=max(left_s, 0))
        if late:
            raise DeadlineExceeded("the answer did not come in time; allow more with X-Request-Timeout-Ms or send fewer instances")
        for flight in flights:
            if isinstance(exc := flight.row.exception(), InvalidRequest):
                raise InvalidRequest(f"the model cannot process one of the instances: {exc.message}") from exc
            if isinstance(exc, GatewayError):
                # one fault is told to every waiter: each raises its own copy, so that tracebacks do not grow together
                raise type(exc)(exc.message) from exc
        return {flight.key: flight.row.result() for flight in flights}

    def _count(self, lane: Lane, results: Mapping[str, int]) -> None:
        for result, items in results.items():
            if items:
                _items_meter(lane.manifest.model, lane.manifest.version, result)(items)


# a label's look-up in the library costs as much as the counting; the labels are few
@cache
def _items_meter(model: str, version: int, result: str) -> Callable[[float], None]:
    return metrics.ITEMS.labels(model, version, result).inc


def _outside(experiment: Experiment, model: ServedModel) -> int:
    """The version for a unit that takes no part: the control's, so that only the covered share sees what is tried."""
    control = experiment.control.version
    return control if model.is_ready(control) else model.default_version


def _ready(model: ServedModel) -> str:
    return ", ".join(str(number) for number in model.versions if model.is_ready(number)) or "none"
