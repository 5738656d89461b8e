"""A request's life between parsing and answering, in the order in which it happens.

    assign → look up → coalesce → admit → infer → store → answer

Assignment comes before look-up, so variants never share an entry. Admission comes before
computation, so a request is either shed as a whole or computed as a whole.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from random import Random

import structlog

from gateway.cache.cache import Cache
from gateway.cache.fill import Fill, Miss
from gateway.cache.lookup import Lookup
from gateway.cache.refreshes import Refreshes
from gateway.cache.single_flight import Computation, SingleFlight
from gateway.catalog.catalog import Catalog
from gateway.concurrency.all_done import all_done
from gateway.errors import DeadlineExceeded, GatewayError, InvalidRequest, ItemFault, NotCached, PackageReplaced
from gateway.experiments.assignment import Experiment
from gateway.experiments.condition import NO_ATTRIBUTES, Attributes
from gateway.experiments.placement import place
from gateway.lane import Lane
from gateway.lanes import Lanes
from gateway.observability import metrics
from gateway.request.caller import attended
from gateway.request.context import RequestContext
from gateway.request.prediction import Prediction, PredictionRequest
from gateway.request.priority import Priority
from model_repository.manifest import Manifest

log = structlog.get_logger()


class RequestLife:
    """Answers prediction requests.

    `catalog` and `experiments` return what is in force now, without waiting.
    """

    def __init__(
        self,
        catalog: Callable[[], Catalog],
        experiments: Callable[[], Mapping[str, Sequence[Experiment]]],
        cache: Cache,
        lanes: Lanes,
        *,
        refresh_timeout_s: float = 10.0,
        chance: Random | None = None,
    ) -> None:
        self._catalog, self._experiments, self._cache, self._lanes = catalog, experiments, cache, lanes
        self._chance = chance or Random()  # noqa: S311 - it draws units and samples, not secrets
        # by priority, so that no interactive request waits for batch work
        self._running = {priority: SingleFlight() for priority in Priority}
        self._fill = Fill(cache, self._running)
        self._refreshes = Refreshes(cache, self._fill, lanes.require_ready, refresh_timeout_s)

    def assign(self, name: str, version: int | None, unit: str | None, ctx: RequestContext, attributes: Attributes = NO_ATTRIBUTES) -> Lane:
        """Place a request, note the placement in `ctx`, and return the lane of its version.

        The version is the one asked for, else that of the unit's variant, else the model's default
        version. A request without a `unit` is a unit of its own. `attributes` are the unit's.

        Raises:
            NotFound: there is no such model or version.
            NotReady: Triton was never seen, or the version must not answer.
        """
        placement = place(self._catalog(), self._experiments(), name, version, unit, self._chance, attributes)
        if placement.fallback:
            metrics.FALLBACKS.labels(placement.experiment, placement.variant).inc()
        try:
            lane = self._lanes.of(placement.model, placement.version)
        except GatewayError:
            # a client may have made this version up; such a version must not become a label
            ctx.placement = placement._replace(version=0)
            raise
        ctx.placement = placement
        ctx.timing.lap("assign")
        return lane

    async def predict(self, lane: Lane, request: PredictionRequest, ctx: RequestContext) -> Prediction:
        """Answer a request by the version that was assigned, and note in `ctx` how.

        Raises:
            PackageReplaced: the version is another package than the lane's by now.
            NotReady: the version is not ready, or Triton is gone.
            Overloaded: too many items wait for this version.
            DeadlineExceeded: the answer was not there before the request's deadline.
            CallerLeft: the client disconnected before the answer was there.
            InvalidRequest: the model cannot process an item, and the request is not `partial`.
            BackendBroken: Triton's response breaks the contract.
            NotCached: not all items are cached, and the client accepts cached answers only.
        """
        keys = request.keys or self._cache.keys(lane.manifest, ctx.tenant, request.items)
        # with only-if-cached nothing is computed, so there is nothing to measure
        look_up = request.cache.look_up and (request.cache.only_if_cached or not ctx.placement.bypass)
        found = await self._cache.look_up(keys, lane.manifest, lane.width, request.cache) if look_up else Lookup()
        ctx.timing.lap("lookup")
        ctx.cache_status = found.status(keys) if look_up else "bypass"
        if ctx.cache_status == "partial":
            ctx.items, ctx.hits = len(keys), found.hits(keys)
        rows: dict[bytes, bytes | ItemFault] = {}
        if ctx.cache_status not in ("hit", "stale"):
            if request.cache.only_if_cached:
                raise NotCached("the cache does not hold the answer, and Cache-Control: only-if-cached wants no other")
            try:
                rows = await self._infer(request, lane, keys, found, ctx)
            except PackageReplaced:
                ctx.computed = 0  # the request is answered anew, and is charged for that answer
                raise  # the entries are of the package that is no longer there
            except GatewayError as exc:
                if not found.use_on_error(keys, exc):
                    raise
                log.warning("answered from stale entries", model=lane.manifest.model, version=lane.manifest.version, reason=exc.message)
                ctx.cache_status = "stale"
            ctx.timing.lap("infer")
        if found.entries:
            self._count_hits(lane, keys, found)
        if found.stale:
            self._refreshes.start(lane, {k: item for k, item in zip(keys, request.items, strict=True) if k in found.stale})
        if rows:
            return _prediction(lane.manifest, [found.entries[k].row if k in found.entries else rows[k] for k in keys])
        return Prediction(lane.manifest, [found.entries[k].row for k in keys], self._cache.age_s(found))

    async def aclose(self) -> None:
        """Cancel the refreshes, for which no request waits."""
        await self._refreshes.aclose()

    async def _infer(
        self, request: PredictionRequest, lane: Lane, keys: Sequence[bytes], found: Lookup, ctx: RequestContext
    ) -> dict[bytes, bytes | ItemFault]:
        """The rows of the misses, which start computations or wait for running ones."""
        missing = {k: item for k, item in zip(keys, request.items, strict=True) if k not in found.entries}
        self._lanes.require_ready(lane.manifest)
        running = self._running[request.priority]
        shared = not ctx.placement.bypass
        fresh = [item for k, item in missing.items() if not shared or k not in running]
        ticket = lane.admit(fresh, request, len(missing))
        self._count(lane, "miss", len(fresh))
        self._count(lane, "coalesced", len(keys) - found.hits(keys) - len(fresh))
        computations = [self._fill.compute(Miss(k, item, request, lane, ticket), shared=shared) for k, item in missing.items()]
        ctx.timing.lap("admit")
        try:
            with attended(request.caller):
                rows = await self._rows(computations, request)
        except BaseException:  # also where the client has left
            ctx.computed += sum(map(_is_computed, computations))
            raise
        finally:
            running.detach(computations)
            ctx.triton_s += ticket.computing_s
        ctx.timing.book("queue", ticket.waited_s)
        return rows

    async def _rows(self, computations: list[Computation], request: PredictionRequest) -> dict[bytes, bytes | ItemFault]:
        """Wait for computations, and return their rows by key."""
        if not await all_done([computation.row for computation in computations], request.deadline):
            raise DeadlineExceeded("the answer did not come in time; allow more with X-Request-Timeout-Ms or send fewer instances")
        rows: dict[bytes, bytes | ItemFault] = {}
        for computation in computations:
            exc = computation.row.exception()
            if isinstance(exc, ItemFault) and request.partial:
                rows[computation.key] = exc
                continue
            if isinstance(exc, InvalidRequest):
                raise InvalidRequest(f"the model cannot process one of the instances: {exc.message}") from exc
            if isinstance(exc, GatewayError):
                # all waiters get the same exception, and each raises its own copy, so that their
                # tracebacks do not grow together
                raise type(exc)(exc.message, exc.retry_after_s) from exc
            rows[computation.key] = computation.row.result()
        return rows

    def _count_hits(self, lane: Lane, keys: Sequence[bytes], found: Lookup) -> None:
        hits = found.hits(keys)
        stale = sum(k in found.stale or k in found.used_on_error for k in keys) if found.stale or found.used_on_error else 0
        lane.savings.hit(hits)
        self._count(lane, "hit", hits - stale)
        self._count(lane, "stale", stale)

    def _count(self, lane: Lane, result: str, items: int) -> None:
        if items:
            _items_meter(lane.manifest.model, lane.manifest.version, result)(items)


# looking a label up in the library costs as much as counting does, and the labels are few
@cache
def _items_meter(model: str, version: int, result: str) -> Callable[[float], None]:
    return metrics.ITEMS.labels(model, version, result).inc


def _is_computed(computation: Computation) -> bool:
    """Whether a row was computed, or is and will be cached: not where the server failed at it."""
    row = computation.row
    if not computation.deadline.met or not row.done() or row.cancelled():
        return computation.deadline.met
    return row.exception() is None or isinstance(row.exception(), (InvalidRequest, DeadlineExceeded))


def _prediction(manifest: Manifest, answers: list[bytes | ItemFault]) -> Prediction:
    errors = {i: answer.message for i, answer in enumerate(answers) if isinstance(answer, ItemFault)}
    return Prediction(manifest, [answer.row if isinstance(answer, ItemFault) else answer for answer in answers], errors=errors)
