"""A request's life between parsing and answering, in the order in which it happens.

    assign → look up → coalesce → admit → infer → store → answer

Assignment comes before look-up, so variants never share an entry. Admission comes before the flights start, so a request is
either shed whole or computed whole.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import time

import structlog

from gateway import metrics
from gateway.assignment import Experiment, assign
from gateway.cache_entry import Entry, key, pack, unpack
from gateway.catalog import Catalog, ServedModel
from gateway.context import RequestContext
from gateway.errors import DeadlineExceeded, GatewayError, InvalidRequest, ItemFault, NotFound, NotReady
from gateway.flights import Flight, Flights
from gateway.joiner import Joiner
from gateway.limiter import Limiter
from gateway.prediction import Item, Prediction, PredictionRequest
from gateway.redis_cache import RedisCache
from gateway.row import width_of
from gateway.triton import Triton
from model_repository.manifest import Manifest

log = structlog.get_logger()


class Lane:
    """The way to one packaged version: its permits, and the joiner in front of Triton."""

    def __init__(self, triton: Triton, manifest: Manifest, *, max_items: int, max_in_flight: int, max_pending: int) -> None:
        self.manifest = manifest
        self.width = width_of(manifest)
        self.limiter = Limiter(max_pending)
        self._triton = triton
        self._joiner: Joiner[tuple[Item, float], bytes] = Joiner(self._infer, max_items, max_in_flight, even=True)
        self._pending = metrics.PENDING.labels(manifest.model, manifest.version)

    def submit(self, item: Item, deadline: float) -> "asyncio.Future[bytes]":
        """The row of an item for which a permit is held; the permit goes back when the row is there."""
        row = self._joiner.submit((item, deadline))
        self._pending.inc()
        row.add_done_callback(self._released)
        return row

    def _released(self, _: "asyncio.Future[bytes]") -> None:
        self.limiter.release()
        self._pending.dec()

    async def _infer(self, waiting: list[tuple[Item, float]]) -> Sequence[bytes | Exception]:
        left_s = max(deadline for _, deadline in waiting) - asyncio.get_running_loop().time()
        return await self._triton.infer(self.manifest, [item for item, _ in waiting], max(left_s, 0.001))


class RequestLife:
    """Answers prediction requests. `catalog` and `experiments` give the snapshots that are in force now."""

    def __init__(
        self,
        triton: Triton,
        cache: RedisCache | None,
        catalog: Callable[[], Catalog],
        experiments: Callable[[], Mapping[str, Experiment]],
        *,
        max_pending: int,
        max_in_flight: int | None,
    ) -> None:
        self._triton, self._cache = triton, cache
        self._catalog, self._experiments = catalog, experiments
        self._max_pending, self._max_in_flight = max_pending, max_in_flight
        self._flights = Flights()
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
            InvalidRequest: an item that the model cannot process, unless the request is `partial`.
            BackendBroken: Triton answered what it must not.
        """
        keys = [key(lane.manifest.digest, item) for item in request.items]
        found = await self._look_up(keys, lane.width) if request.look_up else {}
        ctx.lap("lookup")
        ctx.cache = self._cache_status(request, keys, found)
        if len(found) < len(set(keys)):
            rows = await self._infer(request, lane, keys, found)
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
            self._lanes[name] = Lane(
                self._triton,
                manifest,
                max_items=model.max_batch_size,
                # one more than can run, so that no instance waits for the gateway
                max_in_flight=self._max_in_flight or model.instances + 1,
                max_pending=self._max_pending,
            )
        return self._lanes[name]

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
        self, request: PredictionRequest, lane: Lane, keys: list[bytes], found: Mapping[bytes, Entry]
    ) -> dict[bytes, bytes | ItemFault]:
        missing = {k: item for k, item in zip(keys, request.items, strict=True) if k not in found}
        self._refuse_unready(lane)
        fresh = [k for k in missing if k not in self._flights]
        lane.limiter.admit(len(fresh))
        hits = sum(k in found for k in keys)
        self._count(lane, {"hit": hits, "miss": len(fresh), "coalesced": len(keys) - hits - len(fresh)})
        flights = [self._flights.join(k, partial(self._start, k, item, lane, request)) for k, item in missing.items()]
        try:
            return await self._land(flights, request)
        finally:
            self._flights.leave(flights)

    def _refuse_unready(self, lane: Lane) -> None:
        model = self._catalog().model(lane.manifest.model)
        if not model.is_ready(lane.manifest.version):
            raise NotReady(f"version {lane.manifest.version} of model {model.name} is not ready; ready: {_ready(model)}")

    def _start(self, k: bytes, item: Item, lane: Lane, request: PredictionRequest) -> "asyncio.Future[bytes]":
        row = lane.submit(item, request.deadline)
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
                raise type(exc)(exc.message) from exc
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
