"""Joins the items of concurrent callers into few calls.

Items that arrive while as many calls as allowed are in flight go out together with the next call.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from gateway.request.context import CURRENT, SERVED, RequestContext

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Waiter(NamedTuple, Generic[Item, Result]):
    item: Item
    future: "asyncio.Future[Result]"
    ctx: RequestContext | None


class Joiner(Generic[Item, Result]):
    """Turns `call([item, …]) -> [result, …]` into `submit(item) -> future`.

    At most `max_in_flight` calls run at once, each with at most `max_items` items in the order of
    arrival. An idle joiner calls in the same turn of the event loop: no item waits for others that
    may never come.

    A result may be an exception, which is then raised for its item alone; an exception of the call
    is raised for all of its items. An item is left out of its call if its future was cancelled
    before.
    """

    def __init__(
        self,
        call: Callable[[list[Item]], Awaitable[Sequence[Result | Exception]]],
        max_items: int,
        max_in_flight: int,
    ) -> None:
        self._call, self._max_items, self._max_in_flight = call, max_items, max_in_flight
        self._waiting: deque[_Waiter[Item, Result]] = deque()
        self._calls: set[asyncio.Task[None]] = set()
        self._scheduled = False

    def __repr__(self) -> str:
        return f"<Joiner {len(self._waiting)} waiting, {len(self._calls)} in flight>"

    def submit(self, item: Item) -> "asyncio.Future[Result]":
        """Queue an item; its result comes through the future."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append(_Waiter(item, future, CURRENT.get()))
        if not self._scheduled and len(self._calls) < self._max_in_flight:
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
        while len(self._calls) < self._max_in_flight and (batch := self._take()):
            task = asyncio.create_task(self._run(batch))
            self._calls.add(task)
            task.add_done_callback(self._call_ended)

    def _take(self) -> list[_Waiter[Item, Result]]:
        batch: list[_Waiter[Item, Result]] = []
        while self._waiting and len(batch) < self._max_items:
            waiter = self._waiting.popleft()
            if not waiter.future.done():
                batch.append(waiter)
        return batch

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
        for waiter, result in zip(batch, results, strict=True):
            if waiter.future.done():
                continue
            if isinstance(result, Exception):
                waiter.future.set_exception(result)
            else:
                waiter.future.set_result(result)
