"""A row whose key's lease is asked for first, so that one of several gateways computes it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from gateway.cache.lease import Acquired
from gateway.request.ticket import Ticket

Row = asyncio.Future[bytes]


class LeasedRow(Row):
    """The row that another gateway stored meanwhile, or else the one that `submit` has computed.

    `submit` takes the token of the lease. Where nobody waits any more when the lease has come,
    `release` gives it back. Once the row is submitted, whoever cancels or hastens this one does so
    with that one: a call that has begun is not cancelled.
    """

    def __init__(
        self,
        acquire: Coroutine[Any, Any, Acquired],
        submit: Callable[[bytes | None], Row],
        release: Callable[[bytes | None], None],
        hasten: Callable[[Row, Ticket], None],
    ) -> None:
        super().__init__()
        self._submit, self._release, self._hasten = submit, release, hasten
        self._submitted: Row | None = None
        self._sooner: Ticket | None = None
        self._acquiring = asyncio.ensure_future(acquire)
        self._acquiring.add_done_callback(self._go_on)

    def cancel(self, msg: Any | None = None) -> bool:
        """Give up, unless the call has begun."""
        if self._submitted is not None and not self._submitted.cancel(msg):
            return False
        self._acquiring.cancel(msg)
        return super().cancel(msg)

    def hasten(self, ticket: Ticket) -> None:
        """Let the row go with another request that waits for it, if that has less."""
        if self._submitted is not None:
            self._hasten(self._submitted, ticket)
        elif self._sooner is None or ticket.items < self._sooner.items:
            self._sooner = ticket

    def _go_on(self, acquiring: "asyncio.Task[Acquired]") -> None:
        if self.cancelled():
            if not acquiring.cancelled() and acquiring.exception() is None:
                self._release(acquiring.result().token)
            return
        if acquiring.cancelled():
            super().cancel()
            return
        try:
            entry, token = acquiring.result()
            if entry is not None:
                self.set_result(entry.row)
                return
            self._submitted = self._submit(token)
        except Exception as exc:  # whatever it is, the waiters get it
            self.set_exception(exc)
            return
        self._submitted.add_done_callback(self._end)
        if self._sooner is not None:
            self._hasten(self._submitted, self._sooner)

    def _end(self, submitted: Row) -> None:
        if self.done():
            return
        if submitted.cancelled():
            super().cancel()
        elif (fault := submitted.exception()) is not None:
            self.set_exception(fault)
        else:
            self.set_result(submitted.result())
