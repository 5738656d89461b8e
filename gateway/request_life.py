"""A request's life between parsing and answering, in the order in which it happens.

    assign → look up → coalesce → admit → infer → store → answer

Assignment comes before look-up, so variants never share an entry. Admission comes before the flights start, so a request is
either shed whole or computed whole.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from time import time

import structlog

from gateway import metrics
from gateway.assignment import Experiment, assign
from gateway.cache_entry import Entry, key, pack, unpack
from gateway.caller import attended
from gateway.catalog import Catalog, ServedModel
from gateway.context import RequestContext
from gateway.errors import DeadlineExceeded, GatewayError, InvalidRequest, ItemFault, NotFound, NotReady
from gateway.flights import Flight, Flights
from gateway.lane import Lane
from gateway.limiting.deadline import Deadline
from gateway.limiting.limits import QueueLimits
from gateway.limiting.priority import Priority
from gateway.prediction import Item, Prediction, PredictionRequest
from gateway.redis_cache import RedisCache
from gateway.triton import Triton
from model_repository.manifest import Manifest

log = structlog.get_logger()


class RequestLife:
    """Answers prediction requests. `catalog`, `experiments` and, for a model's name, `limits` give what is in force now."""

    def __init__(
        self,
        triton: Triton,
        cache: RedisCache | None,
        catalog: Callable[[], Catalog],
        experiments: Callable[[], Mapping[str, Experiment]],
        *,
        limits: Callable[[str], QueueLimits],
    ) -> None:
        self._triton, self._cache = triton, cache
        self._catalog, self._experiments = catalog, experiments
        self._limits = limits
        # apart, so that nobody who waits for the answer waits behind batch work
        self._flights = {priority: Flights() for priority in Priority}
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
        """
        keys = [key(lane.manifest.digest, item) for item in request.items]
        found = await self._look_up(keys, lane.width) if request.look_up else {}
        ctx.lap("lookup")
        ctx.cache = self._cache_status(request, keys, found)
        if len(found) < len(set(keys)):
            rows = await self._infer(request, lane, keys, found, ctx)
            ctx.lap("infer")
            return _prediction(lane.manifest, [found[k].row if k in found else rows[k] for k in keys])
        self._count(lane, {"hit": len(keys)})
        age_s = max(int(time()) - entry.made_at_s for entry in found.values())
        return Prediction(lane.manifest, [found[k].row for k in keys], age_s)

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
        return variant.version

    def _lane(self, model: ServedModel, version: int) -> Lane:
        manifest = model.versions[version].manifest
        name = (model.name, version, manifest.digest)
        if name not in self._lanes:
            self._lanes[name] = Lane(self._triton, manifest, model, self._limits(model.name))
        lane = self._lanes[name]
        lane.follow(model)
        return lane

    async def _look_up(self, keys: list[bytes], width: int | None) -> dict[bytes, Entry]:
        if self._cache is None:
            return {}
        found = {}
        for k, value in zip(keys, await self._cache.get(keys), strict=True):
            if value is None:
                continue
            entry = unpack(value, width)
            if entry is None:
                metrics.CACHE_FOREIGN.inc()
            else:
                found[k] = entry
        return found

    def _cache_status(self, request: PredictionRequest, keys: list[bytes], found: Mapping[bytes, Entry]) -> str:
        if not request.look_up:
            return "bypass"
        hits = sum(k in found for k in keys)
        return "hit" if hits == len(keys) else "partial" if hits else "miss"

    async def _infer(
        self, request: PredictionRequest, lane: Lane, keys: list[bytes], found: Mapping[bytes, Entry], ctx: RequestContext
    ) -> dict[bytes, bytes | ItemFault]:
        missing = {k: item for k, item in zip(keys, request.items, strict=True) if k not in found}
        self._refuse_unready(lane)
        under_way = self._flights[request.priority]
        fresh = [k for k in missing if k not in under_way]
        lane.admit(len(fresh), request)
        hits = sum(k in found for k in keys)
        self._count(lane, {"hit": hits, "miss": len(fresh), "coalesced": len(keys) - hits - len(fresh)})
        flights = [under_way.join(k, request.deadline, partial(self._start, k, item, lane, request)) for k, item in missing.items()]
        ctx.lap("admit")
        try:
            async with attended(request.receive):
                return await self._land(flights, request)
        finally:
            under_way.leave(flights)

    def _refuse_unready(self, lane: Lane) -> None:
        model = self._catalog().model(lane.manifest.model)
        if not model.is_ready(lane.manifest.version):
            raise NotReady(f"version {lane.manifest.version} of model {model.name} is not ready; ready: {_ready(model)}")

    def _start(self, k: bytes, item: Item, lane: Lane, request: PredictionRequest, deadline: Deadline) -> "asyncio.Future[bytes]":
        row = lane.submit(item, request.priority, deadline)
        if self._cache is not None and request.store:
            row.add_done_callback(partial(self._store, k))
        return row

    def _store(self, k: bytes, row: "asyncio.Future[bytes]") -> None:
        if self._cache is not None and not row.cancelled() and row.exception() is None:
            self._cache.store(k, pack(Entry(int(time()), row.result())))

    async def _land(self, flights: list[Flight], request: PredictionRequest) -> dict[bytes, bytes | ItemFault]:
        left_s = request.deadline - asyncio.get_running_loop().time()
        _, late = await asyncio.wait([flight.row for flight in flights], timeout=max(left_s, 0))
        if late:
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

    def _count(self, lane: Lane, results: Mapping[str, int]) -> None:
        for result, items in results.items():
            if items:
                metrics.ITEMS.labels(lane.manifest.model, lane.manifest.version, result).inc(items)


def _prediction(manifest: Manifest, answers: list[bytes | ItemFault]) -> Prediction:
    errors = {i: answer.message for i, answer in enumerate(answers) if isinstance(answer, ItemFault)}
    return Prediction(manifest, [answer.row if isinstance(answer, ItemFault) else answer for answer in answers], errors=errors)


def _outside(experiment: Experiment, model: ServedModel) -> int:
    """The version for a unit that takes no part: the control's, so that only the covered share sees what is tried."""
    control = experiment.control.version
    return control if model.is_ready(control) else model.default_version


def _ready(model: ServedModel) -> str:
    return ", ".join(str(number) for number in model.versions if model.is_ready(number)) or "none"
