"""The queue in front of one version.

    request ─▶ admit ─▶ submit ─▶ fair queue ─▶ call ─▶ results

Work waits in a fair queue for each priority. A call begins when there is a place for it.
Interactive work goes before batch work, and no item is begun whose result would come too late.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from itertools import chain
from typing import Generic

from gateway.admission.aimd import AimdLimit
from gateway.admission.arrivals import Arrivals
from gateway.admission.call_size import CallSize
from gateway.admission.fair_queue import MAX_UNDIVIDED, FairQueue
from gateway.admission.in_flight import InFlight
from gateway.admission.observer import Changes, Observer
from gateway.admission.outcome import outcome_of
from gateway.admission.queue_limits import QueueLimits
from gateway.admission.refusals import Refusals
from gateway.admission.service_times import ServiceTimes
from gateway.admission.submitted import Item, Result, Submitted
from gateway.admission.welcome import is_welcome
from gateway.errors import DeadlineExceeded
from gateway.request.context import CURRENT, SERVED
from gateway.request.deadline import Deadline
from gateway.request.priority import Priority
from gateway.request.ticket import Ticket

LATE = "the answer did not come in time; allow more with X-Request-Timeout-Ms or send fewer instances"
MARGIN = 1.25
"""The expected wait times this must fit into the time that is left.

An answer that is expected exactly at the deadline is late every second time.
"""
GRACE_S = 1.0
"""So much longer than its waiters a call may last: what was computed is cached for the next try."""


class AdmissionQueue(Generic[Item, Result]):
    """Turns calls for many items into `admit(…) -> ticket` and `submit(item, ticket, …) -> future`.

    The calls are `call([item, …], priority, timeout_s) -> [result, …]`; an exception among the
    results is raised for its item alone, and one of the call for all of its items. `cost_of` and
    `size_of` an item are its estimated cost and its bytes.

    An item is dropped before its call if calls of that cost have taken longer than what is left
    until its deadline. A call may last a little longer than the latest deadline of its items.
    """

    def __init__(
        self,
        call: Callable[[list[Item], Priority, float], Awaitable[Sequence[Result | Exception]]],
        cost_of: Callable[[Item], int],
        size_of: Callable[[Item], int],
        limits: QueueLimits,
        *,
        instances: int,
        max_items: int,
        observer: Observer,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        self._call, self._cost_of, self._size_of, self._observer = call, cost_of, size_of, observer
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self._max_items, self._limits = max_items, limits
        self.limit = AimdLimit(instances, 1, limits.target_latency_s)
        self.in_flight = InFlight(self.limit, limits.batch_share)
        self.times = ServiceTimes(instances)
        self._size, self._arrivals = CallSize(self.times), Arrivals()
        self.set_limits(limits, instances)
        self._interactive, self._batch = FairQueue[Submitted[Item, Result]](), FairQueue[Submitted[Item, Result]]()
        self._queues = {Priority.INTERACTIVE: self._interactive, Priority.BATCH: self._batch}
        self._bytes = 0
        self._calls: set[asyncio.Task[None]] = set()
        self._scheduled = False
        self._changes, self._refusals = Changes(observer), Refusals(observer, uniform)

    def __repr__(self) -> str:
        return f"<AdmissionQueue {self.waiting} waiting, {self.in_flight!r}>"

    @property
    def waiting(self) -> int:
        """How many items wait for a call."""
        return self._interactive.queued + self._batch.queued

    @property
    def idle(self) -> bool:
        """Whether no item waits and no call is in flight."""
        return not self.waiting and not self.in_flight.calls

    def waiting_at(self, priority: Priority) -> int:
        """How many items of this priority wait for a call."""
        return self._queues[priority].queued

    def set_limits(self, limits: QueueLimits, instances: int) -> None:
        """Set other limits from now on; items that wait already stay queued."""
        self._limits, self.times.instances = limits, instances
        # one more call than instances, so that no instance waits for the gateway
        self._max_calls = limits.max_in_flight or instances + 1
        self.limit.set_bounds(instances, self._max_calls * self._max_items)

    def admit(
        self, items: Sequence[Item], flow: tuple[Hashable, ...], priority: Priority, deadline_s: float, waits_for: int | None = None
    ) -> Ticket:
        """The ticket of a request, whose items are submitted next.

        It waits for so many items all in all, those included that others submitted before.

        Raises:
            Overloaded: the results would come after the deadline, or too much waits already.
        """
        now_s = self._now()
        ticket = Ticket(flow, priority, len(items) if waits_for is None else waits_for)
        self.in_flight.asked(priority, now_s)
        if items and (self.in_flight.calls or self.waiting):
            cost = sum(map(self._cost_of, items))
            ahead = self._queues[priority].ahead(ticket.path, cost)
            self._require_time(ticket, ahead.work, len(items), deadline_s - now_s)
            if self.waiting:
                self._make_room(ticket, cost, items)
            ticket.welcome = is_welcome(self._arrivals, self._size, ticket.flow, now_s, is_contended=ahead.is_contended)
        return ticket

    def submit(self, item: Item, ticket: Ticket, deadline: Deadline) -> Submitted[Item, Result]:
        """Queue an item of an admitted request."""
        entry: Submitted[Item, Result] = Submitted(loop=self._loop)
        entry.item, entry.cost, entry.size = item, self._cost_of(item), self._size_of(item)
        entry.ticket, entry.deadline, entry.submitted_s = ticket, deadline, self._now()
        entry.ctx, entry.withdraw = CURRENT.get(), self._withdraw
        self._bytes += entry.size
        self._queues[ticket.priority].push(ticket.path, entry, welcome=ticket.welcome)
        self._schedule()
        return entry

    def hasten(self, entry: Submitted[Item, Result], ticket: Ticket) -> None:
        """Let an item that waits go with another request that waits for it too, if that has less.

        Who asks for one text of somebody's thousand does not wait for the thousand.
        """
        if entry.flow is None or entry.begun or entry.ticket.priority is not ticket.priority or entry.flow.queued <= ticket.items:
            return
        queue = self._queues[ticket.priority]
        queue.withdraw(entry)
        entry.ticket = ticket
        queue.push(ticket.path, entry, welcome=ticket.welcome)

    def _require_time(self, ticket: Ticket, work: int, items: int, left_s: float) -> None:
        if ticket.priority is Priority.BATCH:
            work += self._interactive.pending
        expected_s = self.times.wait_s(work)
        if expected_s is not None and MARGIN * expected_s > left_s:
            raise self._refusals.too_late(ticket.priority, items, self._held(), left_s, MARGIN * expected_s)

    def _make_room(self, ticket: Ticket, cost: int, items: Sequence[Item]) -> None:
        """Shed whole requests of the flows that hold most, until there is room for a new one.

        None is shed where that would not be enough.
        """
        waiting, size = self.waiting, self._bytes + sum(map(self._size_of, items))
        victims: list[list[Submitted[Item, Result]]] = []
        batch = self._batch.heaviest() if ticket.priority is Priority.INTERACTIVE else ()
        heaviest = chain(batch, self._queues[ticket.priority].heaviest(ticket.path, cost))
        while waiting and (waiting + len(items) > self._limits.max_pending or size > self._limits.max_pending_bytes):
            victim = next(heaviest, None)
            if victim is None:
                wait_s = self.times.wait_s(sum(queue.pending for queue in self._queues.values()))
                raise self._refusals.full(ticket.priority, len(items), self._held(), wait_s)
            victims.append(victim)
            waiting -= len(victim)
            size -= sum(entry.size for entry in victim)
        for victim in victims:
            self._shed(victim)

    def _shed(self, victims: list[Submitted[Item, Result]]) -> None:
        priority = victims[0].ticket.priority
        fault = self._refusals.for_others(priority, len(victims), self._held(), self.times.wait_s(self._queues[priority].pending))
        for entry in victims:
            self._withdraw(entry)
            entry.set_exception(fault)

    def _held(self) -> int:
        return self.waiting + self.in_flight.texts

    def _withdraw(self, entry: Submitted[Item, Result]) -> None:
        self._bytes -= entry.size
        self._queues[entry.ticket.priority].withdraw(entry)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._dispatch)

    def _dispatch(self) -> None:
        """Begin the calls that may begin now."""
        self._scheduled = False
        for priority, queue in self._queues.items():
            while queue.queued and (batch := self._take(priority)):
                self.in_flight.began(priority, len(batch))
                task = self._loop.create_task(self._run(priority, batch))
                self._calls.add(task)
                task.add_done_callback(self._calls.discard)
        self._changes.happened()

    def _take(self, priority: Priority) -> list[Submitted[Item, Result]]:
        queue, now_s = self._queues[priority], self._now()
        # where somebody waits for far larger requests, none waits at the model server behind them
        max_calls = min(self._max_calls, self.times.instances) if self._size.is_small(now_s) else self._max_calls
        room = min(self._max_items, self.in_flight.room(priority, now_s, max_calls))
        if not room:
            return []
        # an even share of what is not answered, so that enough is left for the calls after this
        # one: where few clients wait for answers before they ask again, one call with all items
        # would leave nothing to do for the calls that could run beside it
        share = -(-self._held() // (self._max_calls + 1))
        beside_others = priority is Priority.BATCH and not self.in_flight.is_quiet(now_s)
        budget = self._size.budget(now_s, beside_others=beside_others)
        # nothing is in flight and nobody else waits
        alone = queue.next_queued == self._held()
        keep = partial(self._keep, now_s, alone)
        batch = queue.take(budget, min(room, share), keep, min(MAX_UNDIVIDED, room))
        for entry in batch:
            entry.begun = entry.deadline.met = True
            entry.ticket.waited_s = now_s - entry.submitted_s
            self._bytes -= entry.size
        return batch

    def _keep(self, now_s: float, alone: bool, entry: Submitted[Item, Result]) -> bool:
        left_s = entry.deadline.at_s - now_s
        # what is alone is tried while any time is left, so that slow times can be unlearned
        if left_s > 0 and (alone or left_s >= self.times.fastest_s(entry.cost)):
            return True
        self._bytes -= entry.size
        self._observer.expired()
        entry.set_exception(DeadlineExceeded(LATE))
        return False

    async def _run(self, priority: Priority, batch: list[Submitted[Item, Result]]) -> None:
        began_s, cost = self._now(), sum(entry.cost for entry in batch)
        # each request once, in the order of arrival. It is always set, since this task began with
        # the context of whoever created it
        SERVED.set(tuple({id(entry.ctx): entry.ctx for entry in batch if entry.ctx is not None}.values()))
        self._observer.waited(priority, began_s - min(entry.submitted_s for entry in batch))
        self.times.began(began_s)
        results: Sequence[Result | Exception]
        fault: Exception | None = None
        try:
            left_s = max(entry.deadline.at_s for entry in batch) - began_s
            results = await self._call([entry.item for entry in batch], priority, max(left_s, 0) + GRACE_S)
            if len(results) != len(batch):
                raise RuntimeError(f"a call for {len(batch)} items gave {len(results)} results")
        except Exception as exc:  # whatever it is, the waiters get it
            fault, results = exc, [exc] * len(batch)
        now_s = self._now()
        self.in_flight.ended(priority, len(batch), outcome_of(fault, late=now_s - began_s > self.limit.target_s), began_s, now_s)
        given_up = isinstance(fault, DeadlineExceeded)
        self.times.ended(cost, len(batch), now_s - began_s, now_s, answered=fault is None, backlog=self.waiting > 0, given_up=given_up)
        self._queues[priority].answered(batch)
        each_s = (now_s - began_s) / cost
        for entry, result in zip(batch, results, strict=True):
            entry.ticket.computing_s += each_s * entry.cost
            self._arrivals.answered(entry.ticket.flow, now_s - entry.submitted_s, now_s)
            if isinstance(result, Exception):
                entry.set_exception(result)
            else:
                entry.set_result(result)
        if self.waiting:
            self._dispatch()
        else:
            self._changes.happened()
