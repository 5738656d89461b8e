"""HTTP/1.1 over kept-alive connections: request bytes in, status, headers and body out.

This is the one module that imports geventhttpclient.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import gevent.socket
import gevent.ssl
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError, HTTPSocketPoolResponse

BLOCK_BYTES = 65_536
INSIDE = "the connection was closed before the end of the response"


class ConnectionLostError(ConnectionError):
    """A request was sent at least in part, and its whole response did not come.

    The message says how far it came.
    """


class NothingSentError(ConnectionError):
    """A connection was lost before a byte of the request was sent."""


class Response(NamedTuple):
    """What came back; header names are found whatever their case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Connections:
    """As many connections to one server as are used at a time.

    The one that was used last is used first. No request is ever sent twice: once a byte of it has
    left, the server may have worked on it, so that a connection which is lost then is a failure. A
    server may close a connection while it is idle. Where that shows before a byte was sent, the
    request goes over a new connection, and `reconnects` counts it.

    Args:
        url: `http://` or `https://` address.
        timeout_s: how long to wait for a connection, and for each part of a response.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._tls = gevent.ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._timeout_s = timeout_s
        self._idle: list[Any] = []
        self.reconnects = 0

    def send(self, payload: bytes) -> Response:
        """Send a request and read its response.

        Raises:
            OSError: no connection, or no response in time.
            ConnectionLostError: the connection ended after the request was sent, at least in part,
                and before the whole response came, or what came is not HTTP.
        """
        sock = self._take_idle()
        if sock is not None:
            try:
                return self._exchange(sock, payload)
            except NothingSentError:
                self.reconnects += 1
        return self._exchange(self._connect(), payload)

    def return_socket(self, sock: Any) -> None:
        """Take back a connection whose response was read to its end; the library calls this."""
        self._idle.append(sock)

    def release_socket(self, sock: Any) -> None:
        """Close a connection that its response ended; the library calls this."""
        sock.close()

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _take_idle(self) -> Any | None:
        """An idle connection that the server has left open; None where there is none."""
        closed = False
        while self._idle:
            sock = self._idle.pop()
            if not self._is_closed(sock):
                return sock
            sock.close()
            closed = True
        self.reconnects += closed
        return None

    def _is_closed(self, sock: Any) -> bool:
        """Whether the server closed an idle connection, or wrote what nobody asked for."""
        sock.settimeout(0)
        try:
            # TLS cannot look without reading, and an idle connection has nothing that may be read
            sock.recv(1, gevent.socket.MSG_PEEK if self._tls is None else 0)
        except (BlockingIOError, gevent.ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        finally:
            sock.settimeout(self._timeout_s)
        return True

    def _exchange(self, sock: Any, payload: bytes) -> Response:
        _send_whole(sock, payload)
        try:
            response = HTTPSocketPoolResponse(sock, self, method="POST", block_size=BLOCK_BYTES)
        except HTTPConnectionClosed as exc:
            raise ConnectionLostError("the connection was closed after the request was sent, before any response") from exc
        except (HTTPParseError, ConnectionError) as exc:
            raise ConnectionLostError(_what_came(exc)) from exc
        try:
            content = response.read()
        except (HTTPParseError, ConnectionError) as exc:
            raise ConnectionLostError(_what_came(exc)) from exc
        if not response.message_complete:
            raise ConnectionLostError(INSIDE)
        return Response(response.get_code(), response, content)

    def _connect(self) -> Any:
        sock = gevent.socket.create_connection((self._host, self._port), self._timeout_s)
        sock.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
        if self._tls is not None:
            sock = self._tls.wrap_socket(sock, server_hostname=self._host)
        sock.settimeout(self._timeout_s)
        return sock


def _what_came(error: HTTPParseError | ConnectionError) -> str:
    """Why a response that had begun was not read to its end.

    The parser does not tell a connection that ended from what is not HTTP but by its words.
    """
    said = str(error.args[0]) if error.args else ""
    is_end = isinstance(error, ConnectionError) or "closed" in said or "EOF" in said
    return INSIDE if is_end else f"the response is not HTTP: {said}"


def _send_whole(sock: Any, payload: bytes) -> None:
    """Send all of a request; close the connection where that fails.

    Raises:
        NothingSentError: the connection was lost before a byte was sent.
        ConnectionLostError: it was lost after that.
        OSError: the server took nothing more in time.
    """
    sent = 0
    try:
        while sent < len(payload):
            sent += sock.send(payload[sent:] if sent else payload)
    except ConnectionError as exc:
        sock.close()
        if not sent:
            raise NothingSentError("the connection was closed before the request was sent") from exc
        raise ConnectionLostError("the connection was lost while the request was sent") from exc
    except OSError:
        sock.close()
        raise
