"""One HTTP connection: uvicorn's protocol, with limits on a request's head and on its time.

uvicorn itself has no such limits. `connection_state` has the states of a connection, and what leads
from one to another. No timer runs for a request whose head comes in one piece; one runs while a
connection has sent no request yet, while part of a head has come, and while a body goes on after
its answer.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from gateway.http_server.connection_state import (
    BODY,
    CLOSED,
    HEAD,
    IDLE,
    LEFTOVER,
    ON_ANSWERED,
    ON_HEAD_END,
    ON_PIECE,
    ON_REQUEST_END,
    TIMED,
)
from gateway.http_server.lingering import Lingering
from gateway.http_server.refusals import LARGE_HEAD, MALFORMED, SLOW, Refusal, RefusedError, require_sound_head
from gateway.http_server.whole_responses import Outbox, WholeResponses
from gateway.observability import metrics
from gateway.request.caller import CALLER, Caller

WHOLE_BODY = "headrace.whole_body"
"""Stands in the scope of a request whose last byte has come: reading its body needs no waiting."""


@dataclass(frozen=True, slots=True)
class HeaderLimits:
    """Bytes of request line and headers, number of headers, and seconds until all have come."""

    max_bytes: int
    max_headers: int
    timeout_s: float


class Config(uvicorn.Config):
    """uvicorn's configuration, the limits on heads, and the outbox that all connections share."""

    header_limits: HeaderLimits
    outbox: Outbox


class Connection(HttpToolsProtocol):
    """A connection; a request that it refuses never reaches the application."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        assert isinstance(config, Config)  # noqa: S101 - only `serve` makes connections
        self._header_limits, self._outbox = config.header_limits, config.outbox
        self._caller = Caller()
        self._state = HEAD
        self._timer: asyncio.TimerHandle | None = None
        # since a head or a request last ended; the first bytes of a body may be counted, too
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it in the same way
        """A client has connected."""
        super().connection_made(transport)
        self._transport = transport
        self.transport = WholeResponses(transport, self._outbox, self._lingers)  # type: ignore[assignment]  # a transport in all but its base class
        self._set_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, by the client or by the gateway."""
        self._state = CLOSED
        self._set_timer()
        super().connection_lost(exc)
        self._caller.disconnect()

    def data_received(self, data: bytes) -> None:
        """A piece of a request has come, or several requests."""
        if self._state is CLOSED:
            return  # over TLS, what had come before the end is still handed over
        self._state = ON_PIECE[self._state]
        self._head_bytes += len(data)
        self._feed(data)
        state = self._state
        if state is IDLE and self._timer is None:
            return  # as most requests, which come in one piece
        if state is HEAD:
            if self._head_bytes > self._header_limits.max_bytes:
                self._refuse(LARGE_HEAD)
        elif state is BODY or state is LEFTOVER:
            # lines after the last chunk of a body count as headers, too
            if len(self.headers) > self._header_limits.max_headers:
                self._refuse(LARGE_HEAD)
            elif self.cycle.response_complete:
                self._state = ON_ANSWERED[state]
        self._set_timer()

    def on_headers_complete(self) -> None:
        """The head of a request has come."""
        limits = self._header_limits
        if len(self.headers) > limits.max_headers or (self._head_bytes > limits.max_bytes and self._size() > limits.max_bytes):
            raise RefusedError(LARGE_HEAD)
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise RefusedError(MALFORMED)
            return
        require_sound_head(self.parser.get_http_version(), self.headers)
        self.scope[CALLER] = self._caller  # type: ignore[literal-required]  # a key of ours
        # raises where the URL cannot be read; then there is no request, and its body has not begun
        super().on_headers_complete()
        self._state = ON_HEAD_END[self._state]
        self._head_bytes = 0

    def on_message_complete(self) -> None:
        """The whole request has come."""
        if self.parser.should_upgrade():
            return
        self._state = ON_REQUEST_END[self._state]
        self._head_bytes = 0
        self.scope[WHOLE_BODY] = True  # type: ignore[literal-required]  # a key of ours
        super().on_message_complete()
        if not self.pipeline:
            # uvicorn reads no more until a large body is taken, and then nothing would ask again:
            # it would not be seen that the client leaves
            self.flow.resume_reading()

    def _feed(self, data: bytes) -> None:
        """Parse as uvicorn does, but a request that asks for another protocol as if it did not.

        Java's client asks for HTTP/2 in this way. The parser takes all that follows such a head for
        the other protocol. So a new parser reads the head again, without the header that asks.
        """
        self._unset_keepalive_if_required()
        while data:
            try:
                self.parser.feed_data(data)
                data = b""
            except httptools.HttpParserUpgrade as exc:
                lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
                lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
                self.parser = httptools.HttpRequestParser(self)
                data = b"\r\n".join([*lines, b"", data[exc.args[0] :]])
            except httptools.HttpParserError as exc:
                cause = exc.__context__
                self._refuse(cause.refusal if isinstance(cause, RefusedError) else MALFORMED)
                return

    def _lingers(self) -> bool:
        """Read on after an answer that came before the end of its request's body."""
        if self._state is not BODY or not self.cycle.response_complete:
            return False
        self._state = CLOSED
        self._set_timer()
        self._transport.set_protocol(Lingering(self._transport, self._header_limits.timeout_s, self.connection_lost))
        self.flow.resume_reading()
        return True

    def _size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _set_timer(self) -> None:
        """Let the timer run in the states that are timed, and in no other.

        Further pieces in the same state do not give the client more time.
        """
        if self._state in TIMED:
            if self._timer is None and not self.transport.is_closing():
                self._timer = self.loop.call_later(self._header_limits.timeout_s, self._refuse, SLOW)
        elif self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, refusal: Refusal) -> None:
        """Close the connection, and say why where that cannot be taken for another answer.

        What was asked before is answered first: what follows it makes it no worse.
        """
        if (self._state is HEAD or self._state is IDLE) and self.cycle is not None and not self.cycle.response_complete:
            self._state = CLOSED
            self._set_timer()
            metrics.CUT_OFF.labels(refusal.reason).inc()
            self.cycle.keep_alive = False
            return
        can_answer = self._can_answer()
        self._state = CLOSED
        self._set_timer()
        if self.transport.is_closing():
            return
        metrics.CUT_OFF.labels(refusal.reason).inc()
        if can_answer:
            self.transport.write(refusal.answer(self.server_state.default_headers))
        self.transport.close()

    def _can_answer(self) -> bool:
        """Whether an answer now is the first to the present request, and its turn has come."""
        if self.cycle is None:
            return True
        if self._state is BODY or self._state is LEFTOVER:
            # `cycle` is the present request's; `pipeline` has it while one before is unanswered
            return not self.cycle.response_started and not self.pipeline
        # `cycle` is that of the request before
        return self.cycle.response_complete
