"""One HTTP connection: uvicorn's protocol, with limits on the head of a request (uvicorn's own has none) and on the time that it may take.

No timer runs for a request whose head comes in one piece; there is one for a connection that has sent none yet, for a head that
came in part, and for a body that goes on after its answer.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import httptools
import orjson
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from gateway.http_server.whole_responses import Outbox, WholeResponses
from gateway.observability import metrics
from gateway.request.caller import CALLER, Caller

WHOLE_BODY = "headrace.whole_body"
"""Stands in the scope of a request whose last byte is there: whoever reads its body need not wait."""
_SENTENCES = {
    400: "this is not HTTP/1.1",
    408: "no whole request came in time",
    431: "the request has too many headers, or too large ones; send fewer",
}
_REASONS = {400: "malformed", 408: "slow", 431: "large head"}


@dataclass(frozen=True, slots=True)
class HeaderLimits:
    """Bytes of request line and headers, number of headers, and seconds until they are there."""

    max_bytes: int
    max_headers: int
    timeout_s: float


class Config(uvicorn.Config):
    """uvicorn's configuration, the limits of its connections, and what they send together."""

    head_limits: HeaderLimits
    outbox: Outbox


class _Refused(Exception):
    """Raised through the parser, which then stops."""


class Connection(HttpToolsProtocol):
    """A connection; what it refuses never reaches the application."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        assert isinstance(config, Config)  # noqa: S101 - `serve` is the only one who makes connections
        self._limits, self._outbox = config.head_limits, config.outbox
        self._caller = Caller()
        self._timer: asyncio.TimerHandle | None = None
        self._in_body = False
        self._moved = False
        self._refusal = 400
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it in the same way
        """A client has connected."""
        super().connection_made(transport)
        self.transport = WholeResponses(transport, self._outbox)  # type: ignore[assignment]  # a transport in all but its base class
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._disarm()
        super().connection_lost(exc)
        self._caller.leave()

    def data_received(self, data: bytes) -> None:
        """A piece of a request, or several requests."""
        self._moved = False
        self._head_bytes += len(data)
        self._feed(data)
        if self._in_body:
            # what follows the last chunk of a body counts as headers, too
            if len(self.headers) > self._limits.max_headers:
                self._refuse(431)
            elif self.cycle.response_complete:
                self._arm()
            else:
                self._disarm()
        elif self._moved:
            self._disarm()
        elif self._head_bytes > self._limits.max_bytes:
            self._refuse(431)
        else:
            self._arm()

    def on_headers_complete(self) -> None:
        """The head of a request is there."""
        limits = self._limits
        if len(self.headers) > limits.max_headers or (self._head_bytes > limits.max_bytes and self._size() > limits.max_bytes):
            self._refusal = 431
            raise _Refused
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise _Refused
            return
        self.scope[CALLER] = self._caller  # type: ignore[literal-required]  # a key of ours
        # it fails where the URL cannot be read; then there is no request, and its body has not begun
        super().on_headers_complete()
        self._in_body = self._moved = True
        self._head_bytes = 0

    def on_message_complete(self) -> None:
        """The whole request is there."""
        if self.parser.should_upgrade():
            return
        self._in_body, self._moved = False, True
        self._head_bytes = 0
        self.scope[WHOLE_BODY] = True  # type: ignore[literal-required]  # a key of ours
        super().on_message_complete()

    def _feed(self, data: bytes) -> None:
        """As uvicorn does, but that a request which asks for another protocol (HTTP/2, as Java's client does) is read as if it did not.

        The parser takes what follows such a head for the other protocol; so the head is read once more, without the question.
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
            except httptools.HttpParserError:
                self._refuse(self._refusal)
                return

    def _size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _arm(self) -> None:
        if self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(self._limits.timeout_s, self._refuse, 408)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: int) -> None:
        """Say why, and close; the sentence is left out where an answer is under way or was given."""
        self._disarm()
        if self.transport.is_closing():
            return
        metrics.CUT_OFF.labels(_REASONS[status]).inc()
        # of pipelined requests it would be taken for the answer of the first
        unanswered = self._in_body and not self.cycle.response_started and not self.pipeline
        if self.cycle is None or unanswered or (self.cycle.response_complete and not self._in_body):
            body = orjson.dumps({"error": _SENTENCES[status]})
            head = [STATUS_LINE[status], *(b"%b: %b\r\n" % header for header in self.server_state.default_headers)]
            head.append(b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body))
            self.transport.write(b"".join([*head, body]))
        self.transport.close()
