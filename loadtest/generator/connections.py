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


class ConnectionLostError(ConnectionError):
    """The server closed a connection before the whole response came, or what came is not HTTP."""


class Response(NamedTuple):
    """What came back; header names are found whatever their case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Connections:
    """As many connections to one server as are used at a time.

    The one that was used last is used first.

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

    def send(self, payload: bytes) -> Response:
        """Send a request and read its response.

        A kept-alive connection that the server has closed meanwhile is replaced once, since the
        request never reached the server's application.

        Raises:
            OSError: no connection, or no response in time.
            ConnectionLostError: the connection ended before the response did.
        """
        reused = bool(self._idle)
        try:
            return self._exchange(self._idle.pop() if reused else self._connect(), payload)
        except (HTTPConnectionClosed, BrokenPipeError, ConnectionResetError) as exc:
            if not reused:
                raise ConnectionLostError(str(exc)) from exc
        except HTTPParseError as exc:
            raise ConnectionLostError(str(exc)) from exc
        try:
            return self._exchange(self._connect(), payload)
        except HTTPParseError as exc:
            raise ConnectionLostError(str(exc)) from exc

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

    def _exchange(self, sock: Any, payload: bytes) -> Response:
        try:
            sock.sendall(payload)
        except OSError:
            sock.close()
            raise
        response = HTTPSocketPoolResponse(sock, self, method="POST", block_size=BLOCK_BYTES)
        content = response.read()
        if not response.message_complete:
            raise HTTPConnectionClosed("the connection was closed before the end of the answer")
        return Response(response.get_code(), response, content)

    def _connect(self) -> Any:
        sock = gevent.socket.create_connection((self._host, self._port), self._timeout_s)
        sock.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
        if self._tls is not None:
            sock = self._tls.wrap_socket(sock, server_hostname=self._host)
        sock.settimeout(self._timeout_s)
        return sock
