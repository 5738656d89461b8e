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

from gateway.admission.queue_limits import QueueLimits
from gateway.cache.cache import Cache
from gateway.cache.fill import Fill
from gateway.cache.flights import Flight, Flights
from gateway.cache.found import Found
from gateway.cache.refreshes import Refreshes
from gateway.catalog.catalog import Catalog, ServedModel
from gateway.concurrency.landing import landed
from gateway.errors import DeadlineExceeded, GatewayError, InvalidRequest, ItemFault, NotCached, NotFound, NotReady
from gateway.experiments.assignment import Experiment, assign
from gateway.lane import Lane
from gateway.observability import metrics
from gateway.request.caller import attended
from gateway.request.context import RequestContext
from gateway.request.prediction import Prediction, PredictionRequest
from gateway.request.priority import Priority
from gateway.triton.model_server import ModelServer
from model_repository.manifest import Manifest

log = structlog.get_logger()
FLUSH_INTERVAL_S = 1.0


class RequestLife:
    """Answers prediction requests. `catalog`, `experiments` and, for a model's name, `limits` give what is in force now."""

    def __init__(
        self,
        triton: ModelServer,
        cache: Cache,
        catalog: Callable[[], Catalog],
        experiments: Callable[[], Mapping[str, Experiment]],
        *,
        limits: Callable[[str], QueueLimits],
        refresh_timeout_s: float = 10.0,
        price_usd_per_hour: float | None = None,
        draw: Callable[[], float] = random,
    ) -> None:
        self._triton, self._cache = triton, cache
        self._catalog, self._experiments = catalog, experiments
        self._limits, self._price_usd_per_hour, self._draw = limits, price_usd_per_hour, draw
        # apart, so that nobody who waits for the answer waits behind batch work
        self._flights = {priority: Flights() for priority in Priority}
        self._fill = Fill(cache, self._flights)
        self._refreshes = Refreshes(cache, self._fill, self._require_ready, refresh_timeout_s)
        self._lanes: dict[tuple[str, int, str], Lane] = {}

    def reread_limits(self) -> None:
        """Put the models' limits as they are now in force; what waits already stays."""
        for lane in self._lanes.values():
            lane.set_limits(self._limits(lane.manifest.model))

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
            CallerLeft: the client did not wait.
            InvalidRequest: an item that the model cannot process, unless the request is `partial`.
            BackendBroken: Triton answered what it must not.
            NotCached: not everything is cached, and the client wanted nothing else.
        """
        keys = request.keys or self._cache.keys(lane.manifest, ctx.tenant, request.items)
        # who wants no more than what is cached has nothing computed, so that there is nothing to measure
        look_up = request.cache.look_up and (request.cache.only_if_cached or not ctx.cache_bypass)
        found = await self._cache.look_up(keys, lane.manifest, lane.width, request.cache) if look_up else Found()
        ctx.lap("lookup")
        ctx.cache = found.status(keys) if look_up else "bypass"
        if ctx.cache == "partial":
            ctx.items, ctx.hits = len(keys), found.known(keys)
        rows: dict[bytes, bytes | ItemFault] = {}
        if ctx.cache not in ("hit", "stale"):
            if request.cache.only_if_cached:
                raise NotCached("the cache does not hold the answer, and Cache-Control: only-if-cached wants no other")
            try:
                rows = await self._infer(request, lane, keys, found, ctx)
            except GatewayError as exc:
                if not found.rescue(keys, exc):
                    raise
                log.warning("answered from stale entries", model=lane.manifest.model, version=lane.manifest.version, reason=exc.message)
                ctx.cache = "stale"
            ctx.lap("infer")
        if found.entries:
            self._count_known(lane, keys, found)
        if found.stale:
            self._refreshes.start(lane, {k: item for k, item in zip(keys, request.items, strict=True) if k in found.stale})
        if rows:
            return _prediction(lane.manifest, [found.entries[k].row if k in found.entries else rows[k] for k in keys])
        return Prediction(lane.manifest, [found.entries[k].row for k in keys], self._cache.age_s(found))

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
            self._lanes[name] = Lane(self._triton, manifest, model, self._limits(model.name), self._price_usd_per_hour)
        lane = self._lanes[name]
        lane.follow(model)
        return lane

    async def _infer(
        self, request: PredictionRequest, lane: Lane, keys: Sequence[bytes], found: Found, ctx: RequestContext
    ) -> dict[bytes, bytes | ItemFault]:
        missing = {k: item for k, item in zip(keys, request.items, strict=True) if k not in found.entries}
        self._require_ready(lane.manifest)
        under_way = self._flights[request.priority]
        alone = ctx.cache_bypass
        fresh = [k for k in missing if alone or k not in under_way]
        lane.admit(len(fresh), request)
        self._count(lane, "miss", len(fresh))
        self._count(lane, "coalesced", len(keys) - found.known(keys) - len(fresh))
        flights = [self._fill.join(k, item, lane, request, alone=alone) for k, item in missing.items()]
        ctx.lap("admit")
        try:
            with attended(request.caller):
                return await self._land(flights, request)
        finally:
            under_way.leave(flights)

    def _count_known(self, lane: Lane, keys: Sequence[bytes], found: Found) -> None:
        known = found.known(keys)
        stale = sum(k in found.stale or k in found.rescued for k in keys) if found.stale or found.rescued else 0
        lane.savings.hit(known)
        self._count(lane, "hit", known - stale)
        self._count(lane, "stale", stale)

    def _require_ready(self, manifest: Manifest) -> None:
        model = self._catalog().model(manifest.model)
        if not model.is_ready(manifest.version):
            raise NotReady(f"version {manifest.version} of model {model.name} is not ready; ready: {_ready(model)}")

    async def _land(self, flights: list[Flight], request: PredictionRequest) -> dict[bytes, bytes | ItemFault]:
        if not await landed([flight.row for flight in flights], request.deadline):
            raise DeadlineExceeded("the answer did not come in time; allow more with X-Request-Timeout-Ms or send fewer instances")
        rows: dict[bytes, bytes | ItemFault] = {}
        for flight in flights:
            exc = flight.row.exception()
            if isinstance(exc, ItemFault) and request.partial:
                rows[flight.key] = exc
                continue
            if isinstance(exc, InvalidRequest):
                raise InvalidRequest(f"the model cannot process one of the instances: {exc.message}") from exc
            if isinstance(exc, GatewayError):
                # one fault is told to every waiter: each raises its own copy, so that tracebacks do not grow together
                raise type(exc)(exc.message, exc.retry_after_s) from exc
            rows[flight.key] = flight.row.result()
        return rows

    def _count(self, lane: Lane, result: str, items: int) -> None:
        if items:
            _items_meter(lane.manifest.model, lane.manifest.version, result)(items)


# a label's look-up in the library costs as much as the counting; the labels are few
@cache
def _items_meter(model: str, version: int, result: str) -> Callable[[float], None]:
    return metrics.ITEMS.labels(model, version, result).inc


def _prediction(manifest: Manifest, answers: list[bytes | ItemFault]) -> Prediction:
    errors = {i: answer.message for i, answer in enumerate(answers) if isinstance(answer, ItemFault)}
    return Prediction(manifest, [answer.row if isinstance(answer, ItemFault) else answer for answer in answers], errors=errors)


def _outside(experiment: Experiment, model: ServedModel) -> int:
    """The version for a unit that takes no part: the control's, so that only the covered share sees what is tried."""
    control = experiment.control.version
    return control if model.is_ready(control) else model.default_version


def _ready(model: ServedModel) -> str:
    return ", ".join(str(number) for number in model.versions if model.is_ready(number)) or "none"
