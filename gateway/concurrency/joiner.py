"""Joins the items of concurrent callers into few calls.

Items that arrive while as many calls as allowed are in flight go out together with the next call.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from gateway.request.context import CURRENT, SERVED, RequestContext

MAX_UNDIVIDED = 4
"""Up to so many neighbouring items of one group go out undivided, in one call."""
Item = TypeVar("Item")
Result = TypeVar("Result")


class _Waiter(NamedTuple, Generic[Item, Result]):
    item: Item
    future: "asyncio.Future[Result]"
    group: object
    ctx: RequestContext | None


class Joiner(Generic[Item, Result]):
    """Turns `call([item, …]) -> [result, …]` into `submit(item) -> future`.

    At most `max_in_flight` calls run at once, each with at most `max_items` items in the order of
    arrival. An idle joiner calls in the same turn of the event loop: no item waits for others that
    may never come.

    With `even`, a call takes no more than an even share of all items not yet answered, so that
    enough are left for the calls after it: where few clients wait for answers before they ask
    again, one call with all items would leave nothing to do for the calls that could run beside it.
    The items of a group are waited for together anyway, so up to `MAX_UNDIVIDED` neighbours of one
    group go out undivided.

    A result may be an exception, which is then raised for its item alone; an exception of the call
    is raised for all of its items. An item is left out of its call if its future was cancelled
    before, or if `refuse(item, size of the call)` returns an exception, which is then raised for
    it.
    """

    def __init__(
        self,
        call: Callable[[list[Item]], Awaitable[Sequence[Result | Exception]]],
        max_items: int,
        max_in_flight: int,
        *,
        even: bool = False,
        refuse: Callable[[Item, int], Exception | None] | None = None,
    ) -> None:
        self._call = call
        self._max_items = max_items
        self.max_in_flight = max_in_flight
        self._even = even
        self._max_undivided = min(MAX_UNDIVIDED, max_items)
        self._refuse = refuse
        self._waiting: deque[_Waiter[Item, Result]] = deque()
        self._calls: set[asyncio.Task[None]] = set()
        self._called_for = 0
        self._scheduled = False

    def __repr__(self) -> str:
        return f"<Joiner {len(self._waiting)} waiting, {len(self._calls)} in flight>"

    @property
    def waiting(self) -> int:
        """How many items wait for a call to begin, those whose futures were cancelled included."""
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """Whether no item waits and none is in a call that has not ended."""
        return not self._waiting and not self._called_for

    def submit(self, item: Item, group: object = None) -> "asyncio.Future[Result]":
        """Queue an item; its result comes through the future.

        Items that are submitted with the same object as `group`, other than None, are one group.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append(_Waiter(item, future, group, CURRENT.get()))
        if not self._scheduled and len(self._calls) < self.max_in_flight:
            self._scheduled = True
            loop.call_soon(self._dispatch)
        return future

    async def aclose(self) -> None:
        """Call for the items that wait, and wait for all results."""
        self._dispatch()
        while self._calls:
            await asyncio.wait(self._calls)

    def _dispatch(self) -> None:
        self._scheduled = False
        while len(self._calls) < self.max_in_flight and (batch := self._take()):
            task = asyncio.create_task(self._run(batch))
            self._calls.add(task)
            task.add_done_callback(self._call_ended)

    def _take(self) -> list[_Waiter[Item, Result]]:
        batch: list[_Waiter[Item, Result]] = []
        size, last_group = self._size(), None
        while self._waiting and (
            len(batch) < size or (len(batch) < self._max_undivided and self._waiting[0].group is last_group is not None)
        ):
            waiter = self._waiting.popleft()
            if waiter.future.done():
                continue
            if self._refuse and (fault := self._refuse(waiter.item, max(size, len(batch) + 1))):
                waiter.future.set_exception(fault)
                continue
            batch.append(waiter)
            last_group = waiter.group
        self._called_for += len(batch)
        return batch

    def _size(self) -> int:
        if not self._even:
            return self._max_items
        unanswered = len(self._waiting) + self._called_for
        return min(self._max_items, -(-unanswered // (self.max_in_flight + 1)))

    def _call_ended(self, task: "asyncio.Task[None]") -> None:
        self._calls.discard(task)
        self._dispatch()

    async def _run(self, batch: list[_Waiter[Item, Result]]) -> None:
        results: Sequence[Result | Exception]
        # each request once, in the order of arrival. It is always set, since this task began with
        # the context of whoever created it
        SERVED.set(tuple({id(waiter.ctx): waiter.ctx for waiter in batch if waiter.ctx is not None}.values()))
        try:
            results = await self._call([waiter.item for waiter in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"a call for {len(batch)} items gave {len(results)} results")
        except Exception as exc:  # whatever it is, the waiters get it
            results = [exc] * len(batch)
        self._called_for -= len(batch)
        for waiter, result in zip(batch, results, strict=True):
            if waiter.future.done():
                continue
            if isinstance(result, Exception):
                waiter.future.set_exception(result)
            else:
                waiter.future.set_result(result)
