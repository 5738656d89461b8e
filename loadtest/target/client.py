"""A plain HTTP client for the few calls around a measurement; the load itself comes from Locust."""

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit


class NoAnswerError(ConnectionError):
    """A server could not be reached or did not answer; the message is a sentence that names it."""


class Response(NamedTuple):
    """Status, headers (names in lower case) and decoded JSON body (None where it is no JSON)."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def reason(self) -> str:
        """The server's own sentence about an error, or the status.

        It is `error` as text, or the `message` in it.
        """
        said = self.body.get("error") if isinstance(self.body, dict) else None
        if isinstance(said, dict):
            said = said.get("message")
        return said if isinstance(said, str) else f"status {self.status}"


class Client:
    """One kept-alive connection to a gateway.

    Args:
        url: `http://` or `https://` address, optionally with a path under which the gateway lies.
        headers: sent with every request.
        timeout_s: how long to wait for a connection and for an answer.
    """

    def __init__(self, url: str, headers: Mapping[str, str] | None = None, timeout_s: float = 10.0) -> None:
        parts = urlsplit(url)
        connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = connect(parts.hostname or "", parts.port, timeout=timeout_s)
        self._prefix = parts.path.rstrip("/")
        self._headers = dict(headers or {})
        self._url = url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        self._connection.close()

    def get(self, path: str) -> Response:
        """GET `path`.

        Raises:
            NoAnswerError: no answer came.
        """
        return self._request("GET", path, None, {})

    def text(self, path: str) -> tuple[int, str]:
        """GET `path`; status and body as text.

        Raises:
            NoAnswerError: no answer came.
        """
        status, _, content = self._exchange("GET", path, None, {})
        return status, content.decode("utf-8", errors="replace")

    def predict(self, model: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
        """POST `body` to the model's predict path.

        Raises:
            NoAnswerError: no answer came.
        """
        return self._request("POST", f"/v1/models/{model}:predict", json.dumps(body).encode(), headers or {})

    def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """POST a JSON body to `path`; status and body.

        Raises:
            NoAnswerError: no answer came.
        """
        status, _, content = self._exchange("POST", path, body, {})
        return status, content

    def _request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        status, received, content = self._exchange(method, path, body, headers)
        try:
            decoded = json.loads(content)
        except ValueError:
            decoded = None
        return Response(status, received, decoded)

    def _exchange(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
        try:
            self._connection.request(method, self._prefix + path, body, {"Content-Type": "application/json", **self._headers, **headers})
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, HTTPException) as exc:
            self._connection.close()
            reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc) or type(exc).__name__
            raise NoAnswerError(f"No answer from {self._url}: {reason}. Is the server running there?") from exc
        return response.status, {name.lower(): value for name, value in response.getheaders()}, content
