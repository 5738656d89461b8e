"""A lane: the queue of one packaged version, and the call to the model server at its end."""

import asyncio
from collections.abc import Sequence

from gateway.admission.admission_queue import AdmissionQueue
from gateway.admission.aimd import AimdLimit
from gateway.admission.queue_limits import QueueLimits
from gateway.cache.savings import Savings
from gateway.catalog.catalog import ServedModel
from gateway.errors import Overloaded
from gateway.observability import metrics
from gateway.request.deadline import Deadline
from gateway.request.prediction import Item, PredictionRequest
from gateway.request.priority import Priority
from gateway.request.row import width_of
from gateway.triton.model_server import ModelServer
from model_repository.manifest import Manifest


class Lane:
    """The queue of one packaged version.

    `price_usd_per_hour` is that of the model server; None if it is not known.
    """

    def __init__(
        self,
        triton: ModelServer,
        manifest: Manifest,
        model: ServedModel,
        queue_limits: QueueLimits,
        price_usd_per_hour: float | None = None,
    ) -> None:
        self.manifest = manifest
        self.width = width_of(manifest)
        self.savings = Savings(manifest.model, manifest.version, model.instances, price_usd_per_hour)
        self._triton, self._queue_limits = triton, queue_limits
        self._limit = AimdLimit(queue_limits.min_pending, queue_limits.max_pending, queue_limits.target_latency_s)
        self._labels = (manifest.model, manifest.version)
        self._queue: AdmissionQueue[Item, bytes] = AdmissionQueue(
            self._infer,
            self._limit,
            batch_share=queue_limits.batch_share,
            max_items=model.max_batch_size,
            max_in_flight=1,
            dropped=metrics.EXPIRED.labels(*self._labels).inc,
        )
        self._pending, self._limit_now = metrics.PENDING.labels(*self._labels), metrics.LIMIT.labels(*self._labels)
        self._model = model
        self._set_max_in_flight()

    def __repr__(self) -> str:
        return f"<Lane {self.manifest.model}/{self.manifest.version} {self._queue!r}>"

    @property
    def idle(self) -> bool:
        """Whether no item waits and no call is in flight, even for callers that have left."""
        return self._queue.idle

    @property
    def max_items(self) -> int:
        """The most items that one call to the model server may hold."""
        return self._model.max_batch_size

    def follow(self, model: ServedModel) -> None:
        """Adapt the number of calls at once to the model's instances, which come and go."""
        if model is not self._model:
            self._model = model
            self.savings.instances = model.instances
            self._set_max_in_flight()

    def set_queue_limits(self, queue_limits: QueueLimits) -> None:
        """Set other queue limits from now on; items that wait already stay queued."""
        self._queue_limits = queue_limits
        self._limit.set_bounds(queue_limits.min_pending, queue_limits.max_pending)
        self._limit_now.set(self._limit.value)
        self._set_max_in_flight()

    def admit(self, items: int, request: PredictionRequest) -> None:
        """Take permits for items that are submitted next.

        Raises:
            Overloaded: too many wait, or too many for an answer before the request's deadline.
        """
        try:
            self._queue.admit(items, request.priority, request.deadline)
        except Overloaded:
            metrics.SHED.labels(*self._labels, request.priority.name.lower()).inc(items)
            raise

    def give_back(self, request: PredictionRequest) -> None:
        """Give back the permit of an item that is not submitted after all."""
        self._queue.give_back(request.priority)

    def submit(self, item: Item, request: PredictionRequest, deadline: Deadline) -> "asyncio.Future[bytes]":
        """Queue an item for which a permit is held; the future gives its row.

        The permit is given back when the row is done. A few items of one request go to Triton
        together. `deadline` is that of the most patient waiter.
        """
        row = self._queue.submit(item, request.priority, deadline, group=request)
        self._pending.inc()
        row.add_done_callback(self._released)
        return row

    def _set_max_in_flight(self) -> None:
        # one more than the instances, so that no instance waits for the gateway
        self._queue.set_max_in_flight(self._queue_limits.max_in_flight or self._model.instances + 1)

    def _released(self, _: "asyncio.Future[bytes]") -> None:
        self._pending.dec()

    async def _infer(self, items: list[Item], priority: Priority, timeout_s: float) -> Sequence[bytes | Exception]:
        self._limit_now.set(self._limit.value)
        with self.savings.call(len(items)):
            return await self._triton.infer(self.manifest, items, timeout_s, priority)
