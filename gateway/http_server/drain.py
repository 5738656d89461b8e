"""Draining: on SIGTERM the process leaves without failing a request.

It is unready at once; then a delay follows in which the proxies notice; then the server stops in
its own way. Every response during the delay closes its connection, so that a proxy has no idle
connection left on which to send another request.
"""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger()


class Drain:
    """Whether this process is leaving.

    It still takes requests for `delay_s`. Then `over` is set, and requests in flight have
    `timeout_s` to end.
    """

    def __init__(self, delay_s: float, timeout_s: float) -> None:
        self.delay_s, self.timeout_s = delay_s, timeout_s
        self.draining = False
        self.over = asyncio.Event()

    @contextmanager
    def on_sigterm(self) -> Iterator[None]:
        """Put the delay before the present handler of SIGTERM, until the block ends.

        In another thread than the main one it does nothing: only that one can set handlers.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop, stop = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)

        def on_signal(number: int, frame: FrameType | None) -> None:
            # no more than this: the signal may interrupt the writing of a line to the log. The call
            # also wakes a loop that sleeps
            loop.call_soon_threadsafe(begin, number)

        def begin(number: int) -> None:
            if not self.draining and callable(stop):
                self.draining = True
                loop.call_later(self.delay_s, self.over.set)
                loop.call_later(self.delay_s, stop, number, None)
                log.info("draining", delay_s=self.delay_s)

        if callable(stop):
            signal.signal(signal.SIGTERM, on_signal)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, stop)


class CloseWhileDraining:
    """ASGI middleware: responses to requests that come while draining say `Connection: close`."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app, self._drain = app, drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection scope."""

        async def send_and_close(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await self._app(scope, receive, send_and_close if self._drain.draining and scope["type"] == "http" else send)
