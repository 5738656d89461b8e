"""A request's life between parsing and answering, in the order in which it happens.

    assign → look up → coalesce → admit → infer → store → answer

Assignment comes before look-up, so variants never share an entry. Admission comes before the flights start, so a request is
either shed whole or computed whole.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import time
from typing import NamedTuple

import structlog

from gateway import metrics
from gateway.assignment import Experiment, assign
from gateway.cache_entry import Entry, key, pack, unpack
from gateway.catalog import Catalog, ServedModel
from gateway.context import RequestContext
from gateway.errors import DeadlineExceeded, GatewayError, InvalidRequest, NotFound, NotReady
from gateway.flights import Flight, Flights
from gateway.joiner import Joiner
from gateway.limiter import Limiter
from gateway.prediction import Prediction, PredictionRequest
from gateway.redis_cache import RedisCache
from gateway.triton import Triton
from model_repository.manifest import Manifest
from model_repository.tensors import TEXT, tensors_of

log = structlog.get_logger()


class ModelLimits(NamedTuple):
    """What each version of a model may have before it and in it; `max_in_flight` None: as many calls as its instances take."""

    max_pending: int
    max_in_flight: int | None


class Lane:
    """The way to one packaged version: its permits, and the joiner in front of Triton."""

    def __init__(self, triton: Triton, manifest: Manifest, *, max_items: int, max_in_flight: int, limits: ModelLimits) -> None:
        self.manifest = manifest
        self._usual_in_flight = max_in_flight
        self.limiter = Limiter(limits.max_pending)
        self._triton = triton
        self._joiner: Joiner[tuple[bytes, float], bytes] = Joiner(self._infer, max_items, limits.max_in_flight or max_in_flight, even=True)
        self._pending = metrics.PENDING.labels(manifest.model, manifest.version)

    def set_limits(self, limits: ModelLimits) -> None:
        """Take other limits over from now on."""
        self.limiter.limit = limits.max_pending
        self._joiner.max_in_flight = limits.max_in_flight or self._usual_in_flight

    def submit(self, text: bytes, deadline: float) -> "asyncio.Future[bytes]":
        """The row of scores of a text for which a permit is held; the permit goes back when the row is there."""
        row = self._joiner.submit((text, deadline))
        self._pending.inc()
        row.add_done_callback(self._released)
        return row

    def _released(self, _: "asyncio.Future[bytes]") -> None:
        self.limiter.release()
        self._pending.dec()

    async def _infer(self, items: list[tuple[bytes, float]]) -> Sequence[bytes | Exception]:
        left_s = max(deadline for _, deadline in items) - asyncio.get_running_loop().time()
        manifest = self.manifest
        return await self._triton.infer(
            manifest.model, manifest.version, [text for text, _ in items], len(manifest.labels), max(left_s, 0.001)
        )


class RequestLife:
    """Answers prediction requests. `catalog`, `experiments` and, for a model's name, `model_limits` give what is in force now."""

    def __init__(
        self,
        triton: Triton,
        cache: RedisCache | None,
        catalog: Callable[[], Catalog],
        experiments: Callable[[], Mapping[str, Experiment]],
        *,
        model_limits: Callable[[str], ModelLimits],
    ) -> None:
        self._triton, self._cache = triton, cache
        self._catalog, self._experiments = catalog, experiments
        self._model_limits = model_limits
        self._flights = Flights()
        self._lanes: dict[tuple[str, int, str], Lane] = {}

    def reread_limits(self) -> None:
        """Put the models' limits as they are now in force; what waits already stays."""
        for lane in self._lanes.values():
            lane.set_limits(self._model_limits(lane.manifest.model))

    async def predict(self, request: PredictionRequest, ctx: RequestContext) -> Prediction:
        """Answer a request, and write into `ctx` what was decided.

        Raises:
            NotFound: no such model or version.
            NotReady: the version that must answer is not ready, or Triton is gone.
            Overloaded: too many texts wait for this version.
            DeadlineExceeded: no answer before the request's deadline.
            InvalidRequest: a text that the model cannot process.
            BackendBroken: Triton answered what it must not.
        """
        lane = self._assign(request, ctx)
        ctx.lap("assign")
        keys = [key(lane.manifest.digest, text) for text in request.texts]
        found = await self._look_up(keys, len(lane.manifest.labels)) if request.look_up else {}
        ctx.lap("lookup")
        ctx.cache = self._cache_status(request, keys, found)
        if len(found) < len(set(keys)):
            rows = await self._infer(request, lane, keys, found, ctx)
            ctx.lap("infer")
        else:
            rows = {}
            self._count(lane, {"hit": len(keys)})
        age_s = max(int(time()) - entry.made_at_s for entry in found.values()) if not rows else None
        cut_at = None if lane.manifest.windows else lane.manifest.max_length
        return Prediction(lane.manifest.labels, [found[k].row if k in found else rows[k] for k in keys], age_s, cut_at)

    def _assign(self, request: PredictionRequest, ctx: RequestContext) -> Lane:
        model = self._catalog().model(request.model)
        ctx.model = model.name
        version = self._version(model, request, ctx)
        if version not in model.versions:
            raise NotFound(f"model {model.name} has no version {version}; there are: {', '.join(map(str, model.versions))}")
        if model.versions[version].refused:
            # not from the cache either: nobody answers for what an altered manifest says
            raise NotReady(f"version {version} of model {model.name} is refused: its signature is missing or wrong; ready: {_ready(model)}")
        ctx.version = version
        return self._lane(model, version)

    def _version(self, model: ServedModel, request: PredictionRequest, ctx: RequestContext) -> int:
        if request.version is not None:
            return request.version
        experiment = self._experiments().get(model.name)
        if experiment is None:
            return model.default_version
        variant = assign(experiment, request.unit)
        if variant is None:
            return _outside(experiment, model)
        if not model.is_ready(variant.version):
            # an answer outside the experiment is better than none, and an exposure that did not happen must not be counted
            metrics.FALLBACKS.labels(experiment.key, variant.name).inc()
            return _outside(experiment, model)
        ctx.experiment, ctx.variant = experiment.key, variant.name
        return variant.version

    def _lane(self, model: ServedModel, version: int) -> Lane:
        served = model.versions[version]
        if not _answers_texts(served.manifest):
            raise InvalidRequest(
                f"model {model.name} is for {served.manifest.task} of other inputs than single texts, which :predict does not take"
            )
        name = (model.name, version, served.manifest.digest)
        if name not in self._lanes:
            self._lanes[name] = Lane(
                self._triton,
                served.manifest,
                max_items=model.max_batch_size,
                # one more than can run, so that no instance waits for the gateway
                max_in_flight=model.instances + 1,
                limits=self._model_limits(model.name),
            )
        return self._lanes[name]

    async def _look_up(self, keys: list[bytes], labels: int) -> dict[bytes, Entry]:
        if self._cache is None:
            return {}
        found = {}
        for k, value in zip(keys, await self._cache.get(keys), strict=True):
            if value is None:
                continue
            entry = unpack(value, labels)
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
    ) -> dict[bytes, bytes]:
        missing = {k: text for k, text in zip(keys, request.texts, strict=True) if k not in found}
        self._refuse_unready(lane)
        fresh = [k for k in missing if k not in self._flights]
        lane.limiter.admit(len(fresh))
        hits = sum(k in found for k in keys)
        self._count(lane, {"hit": hits, "miss": len(fresh), "coalesced": len(keys) - hits - len(fresh)})
        flights = [self._flights.join(k, partial(self._start, k, text, lane, request)) for k, text in missing.items()]
        ctx.lap("admit")
        try:
            return await self._land(flights, request)
        finally:
            self._flights.leave(flights)

    def _refuse_unready(self, lane: Lane) -> None:
        model = self._catalog().model(lane.manifest.model)
        if not model.is_ready(lane.manifest.version):
            raise NotReady(f"version {lane.manifest.version} of model {model.name} is not ready; ready: {_ready(model)}")

    def _start(self, k: bytes, text: bytes, lane: Lane, request: PredictionRequest) -> "asyncio.Future[bytes]":
        row = lane.submit(text, request.deadline)
        if self._cache is not None and request.store:
            row.add_done_callback(partial(self._store, k))
        return row

    def _store(self, k: bytes, row: "asyncio.Future[bytes]") -> None:
        if self._cache is not None and not row.cancelled() and row.exception() is None:
            self._cache.store(k, pack(Entry(int(time()), row.result())))

    async def _land(self, flights: list[Flight], request: PredictionRequest) -> dict[bytes, bytes]:
        left_s = request.deadline - asyncio.get_running_loop().time()
        _, late = await asyncio.wait([flight.row for flight in flights], timeout=max(left_s, 0))
        if late:
            raise DeadlineExceeded("the answer did not come in time; allow more with X-Request-Timeout-Ms or send fewer instances")
        for flight in flights:
            if isinstance(exc := flight.row.exception(), InvalidRequest):
                raise InvalidRequest(f"the model cannot process one of the texts: {exc.message}") from exc
            if isinstance(exc, GatewayError):
                # one fault is told to every waiter: each raises its own copy, so that tracebacks do not grow together
                raise type(exc)(exc.message) from exc
        return {flight.key: flight.row.result() for flight in flights}

    def _count(self, lane: Lane, results: Mapping[str, int]) -> None:
        for result, items in results.items():
            if items:
                metrics.ITEMS.labels(lane.manifest.model, lane.manifest.version, result).inc(items)


def _answers_texts(manifest: Manifest) -> bool:
    tensors = tensors_of(manifest)
    return manifest.task == "text-classification" and tensors.inputs == (TEXT,)


def _outside(experiment: Experiment, model: ServedModel) -> int:
    """The version for a unit that takes no part: the control's, so that only the covered share sees what is tried."""
    control = experiment.control.version
    return control if model.is_ready(control) else model.default_version


def _ready(model: ServedModel) -> str:
    return ", ".join(str(number) for number in model.versions if model.is_ready(number)) or "none"
