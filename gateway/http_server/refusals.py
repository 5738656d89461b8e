"""Requests that a connection refuses before the application sees them, and what it answers."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

Header = tuple[bytes, bytes]


class Refusal(NamedTuple):
    """A status, the label `reason` of the metric, and what the client is told."""

    status: int
    reason: str
    sentence: str

    def answer(self, headers: Iterable[Header]) -> bytes:
        """The whole response, after which the connection is closed; `headers` are the server's."""
        body = orjson.dumps({"error": self.sentence})
        head = [STATUS_LINE[self.status], *(b"%b: %b\r\n" % header for header in headers)]
        head.append(b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body))
        return b"".join([*head, body])


MALFORMED = Refusal(400, "malformed", "this is not HTTP/1.1")
VERSION = Refusal(400, "malformed", "this is neither HTTP/1.1 nor HTTP/1.0; the request line must end with one of them")
HOST = Refusal(400, "malformed", "a request must have one Host header")
TRANSFER_ENCODING = Refusal(400, "malformed", "Transfer-Encoding: must be chunked and nothing else; compress with Content-Encoding")
SLOW = Refusal(408, "slow", "no whole request came in time")
LARGE_HEAD = Refusal(431, "large head", "the request has too many headers, or too large ones; send fewer")


class RefusedError(Exception):
    """Raised through the parser, which then stops; the parser's error has it as `__context__`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.sentence)
        self.refusal = refusal


def require_sound_head(version: str, headers: Sequence[Header]) -> None:
    """Refuse heads that a proxy may read otherwise (RFC 9112, sections 2.3, 3.2 and 6.1).

    Raises:
        RefusedError: it is one.
    """
    names = [name for name, _ in headers]
    hosts = names.count(b"host")
    if hosts != 1 and (hosts or version == "1.1"):
        raise RefusedError(HOST)
    if version != "1.1" and version != "1.0":
        raise RefusedError(VERSION)
    if b"transfer-encoding" in names:
        values = [value.lower() for name, value in headers if name == b"transfer-encoding"]
        if values != [b"chunked"] or version == "1.0":
            raise RefusedError(TRANSFER_ENCODING)
