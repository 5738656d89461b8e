"""The queue in front of one version.

An item needs a permit to enter, interactive work goes before batch work, and no item is begun whose
result would come too late.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from gateway.admission.aimd import AimdLimit, Outcome
from gateway.admission.limiter import Limiter
from gateway.admission.service_times import ServiceTimes
from gateway.concurrency.joiner import Joiner
from gateway.errors import DeadlineExceeded, InvalidRequest, Overloaded
from gateway.request.deadline import Deadline
from gateway.request.priority import Priority

Item = TypeVar("Item")
Result = TypeVar("Result")
LATE = "the answer did not come in time; allow more with X-Request-Timeout-Ms or send fewer instances"


class _Waiting(NamedTuple, Generic[Item]):
    item: Item
    deadline: Deadline


class AdmissionQueue(Generic[Item, Result]):
    """Turns calls for many items into `admit(n)` and `submit(item) -> future`.

    The calls are `call([item, …], priority, timeout_s) -> [result, …]`.

    An item is dropped before its call if its future was cancelled, since nobody waits for it. It is
    also dropped if calls of that size have taken longer than what is left until its deadline; then
    `dropped` is called. A call may last until the latest deadline of its items.
    """

    def __init__(
        self,
        call: Callable[[list[Item], Priority, float], Awaitable[Sequence[Result | Exception]]],
        limit: AimdLimit,
        *,
        batch_share: float,
        max_items: int,
        max_in_flight: int,
        dropped: Callable[[], None],
        uniform: Callable[[], float] = random.random,
    ) -> None:
        self.limiter = Limiter(limit, batch_share, uniform)
        self.times = ServiceTimes()
        self._call, self._dropped = call, dropped
        self._now = asyncio.get_running_loop().time
        self._joiners: dict[Priority, Joiner[_Waiting[Item], Result]] = {
            level: Joiner(partial(self._run, level), max_items, max_in_flight, even=True, refuse=self._refuse) for level in Priority
        }

    def __repr__(self) -> str:
        return f"<AdmissionQueue {self.limiter!r}>"

    @property
    def idle(self) -> bool:
        """Whether no permit is held, no item waits and no call is in flight."""
        return not self.limiter.held and all(joiner.idle for joiner in self._joiners.values())

    def set_max_in_flight(self, calls: int) -> None:
        """Change how many calls may run at once."""
        for joiner in self._joiners.values():
            joiner.max_in_flight = calls

    def admit(self, items: int, priority: Priority, deadline_s: float) -> None:
        """Take permits for items that are submitted next.

        Raises:
            Overloaded: the limit is reached, or the results would come after the deadline.
        """
        self.limiter.admit(items, priority, deadline_s - self._now(), self.times.wait_s)

    def submit(self, item: Item, priority: Priority, deadline: Deadline, group: object = None) -> "asyncio.Future[Result]":
        """Queue an item for which a permit is held; it is given back when the future is done.

        `group` is as in `Joiner.submit`.
        """
        future = self._joiners[priority].submit(_Waiting(item, deadline), group)
        future.add_done_callback(partial(self._released, priority, self._now()))
        return future

    def give_back(self, priority: Priority) -> None:
        """Give back a permit for an item that is not submitted after all."""
        now_s = self._now()
        self.limiter.release(priority, Outcome.IGNORED, now_s, now_s)

    def _released(self, priority: Priority, admitted_s: float, future: "asyncio.Future[Result]") -> None:
        now_s = self._now()
        late = now_s - admitted_s > self.limiter.limit.target_s
        self.limiter.release(priority, _outcome(future, late), admitted_s, now_s)

    def _refuse(self, waiting: _Waiting[Item], items: int) -> Exception | None:
        left_s = waiting.deadline.at_s - self._now()
        # the holder of the only permit is tried while any time is left, so that slow times can be
        # unlearned
        if left_s <= 0 or (self.limiter.held > 1 and left_s < self.times.fastest_s(items)):
            self._dropped()
            return DeadlineExceeded(LATE)
        return None

    async def _run(self, priority: Priority, waiting: list[_Waiting[Item]]) -> Sequence[Result | Exception]:
        began_s, answered = self._now(), False
        self.times.began(began_s)
        try:
            left_s = max(entry.deadline.at_s for entry in waiting) - began_s
            results = await self._call([entry.item for entry in waiting], priority, max(left_s, 0.001))
            answered = True
            return results
        finally:
            now_s = self._now()
            backlog = any(joiner.waiting for joiner in self._joiners.values())
            self.times.ended(len(waiting), now_s - began_s, now_s, answered=answered, backlog=backlog)


def _outcome(future: "asyncio.Future[Result]", late: bool) -> Outcome:
    fault = None if future.cancelled() else future.exception()
    if isinstance(fault, Overloaded) or (late and isinstance(fault, DeadlineExceeded)):
        return Outcome.DROPPED
    return Outcome.IGNORED if future.cancelled() or (fault and not isinstance(fault, InvalidRequest)) else Outcome.SUCCESS
