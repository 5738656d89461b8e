"""An item that was submitted to the queue of a version."""

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from gateway.admission.flow import Flow
from gateway.request.context import RequestContext
from gateway.request.deadline import Deadline
from gateway.request.ticket import Ticket

Item = TypeVar("Item")
Result = TypeVar("Result")


class Submitted(asyncio.Future[Result], Generic[Item, Result]):
    """The result of an item. It can be cancelled until its call begins."""

    item: Item
    cost: int
    size: int
    submitted_s: float
    ticket: Ticket
    deadline: Deadline
    ctx: RequestContext | None
    flow: Flow[Any] | None = None
    begun = False
    withdraw: Callable[["Submitted[Item, Result]"], None]

    def cancel(self, msg: Any | None = None) -> bool:
        """Withdraw the item, unless its call has begun; that one is ended, since it is paid for."""
        if self.begun or not super().cancel(msg):
            return False
        self.withdraw(self)
        return True
