"""A lane: the queue of one packaged version, and the call to the model server at its end."""

import asyncio
from collections.abc import Sequence
from functools import partial

from gateway.admission.admission_queue import AdmissionQueue
from gateway.admission.cost import cost_of, cost_with_labels, size_of
from gateway.admission.queue_limits import QueueLimits
from gateway.admission.queue_meters import Counts, QueueMeters
from gateway.admission.submitted import Submitted
from gateway.cache.savings import Savings
from gateway.catalog.catalog import ServedModel
from gateway.request.deadline import Deadline
from gateway.request.prediction import Item, PredictionRequest
from gateway.request.priority import Priority
from gateway.request.row import cut_at, width_of
from gateway.request.ticket import Ticket
from gateway.triton.model_server import ModelServer
from model_repository.manifest import Manifest
from model_repository.tasks import TASKS


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
        self._triton, self._queue_limits, self._model = triton, queue_limits, model
        self._meters = QueueMeters(manifest.model, manifest.version, self._counts)
        cost = cost_with_labels if TASKS[manifest.task].candidate_labels else cost_of
        self._queue: AdmissionQueue[Item, bytes] = AdmissionQueue(
            self._infer,
            partial(cost, max_tokens=cut_at(manifest)),
            size_of,
            queue_limits,
            instances=model.instances,
            max_items=model.max_batch_size,
            observer=self._meters,
        )

    def __repr__(self) -> str:
        return f"<Lane {self.manifest.model}/{self.manifest.version} {self._queue!r}>"

    @property
    def is_busy(self) -> bool:
        """Whether an item waits for a call."""
        return self._queue.waiting > 0

    @property
    def idle(self) -> bool:
        """Whether no item waits and no call is in flight, even for callers that have left."""
        return self._queue.idle

    def follow(self, model: ServedModel) -> None:
        """Adapt the number of calls at once to the model's instances, which come and go."""
        if model is not self._model:
            self._model = model
            self.savings.instances = model.instances
            self._queue.set_limits(self._queue_limits, model.instances)

    def set_queue_limits(self, queue_limits: QueueLimits) -> None:
        """Set other queue limits from now on; items that wait already stay queued."""
        self._queue_limits = queue_limits
        self._queue.set_limits(queue_limits, self._model.instances)

    def admit(self, items: Sequence[Item], request: PredictionRequest, waits_for: int | None = None) -> Ticket:
        """The ticket of a request, whose items are submitted next.

        It waits for so many items all in all, those included that others submitted before.

        Raises:
            Overloaded: too many wait, or too many for an answer before the request's deadline.
        """
        return self._queue.admit(items, request.flow, request.priority, request.deadline, waits_for)

    def submit(self, item: Item, ticket: Ticket, deadline: Deadline) -> "asyncio.Future[bytes]":
        """Queue an item of an admitted request; the future gives its row.

        `deadline` is that of the most patient waiter.
        """
        return self._queue.submit(item, ticket, deadline)

    def hasten(self, row: "asyncio.Future[bytes]", ticket: Ticket) -> None:
        """Let a row that waits go with another request that waits for it, if that has less."""
        if isinstance(row, Submitted):
            self._queue.hasten(row, ticket)

    def _counts(self) -> Counts:
        queue = self._queue
        waiting = {priority: queue.waiting_at(priority) for priority in Priority}
        return Counts(waiting, queue.in_flight.texts, int(queue.limit.value))

    async def _infer(self, items: list[Item], priority: Priority, timeout_s: float) -> Sequence[bytes | Exception]:
        with self.savings.call(len(items)):
            return await self._triton.infer(self.manifest, items, timeout_s, priority)
