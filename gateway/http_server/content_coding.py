"""Compressed bodies: gzip and deflate, both ways."""

import gzip
import zlib
from typing import Literal

from gateway.errors import MalformedRequest, TooLarge

Coding = Literal["gzip", "deflate"]
CODINGS: tuple[Coding, ...] = ("gzip", "deflate")
MIN_BYTES = 1024
"""Smaller answers go as they are: they fit into one packet either way."""
_EITHER = zlib.MAX_WBITS | 32  # gzip and zlib tell themselves apart; "deflate" means zlib
_LEVEL = 1


def decoded(body: bytes, coding: str, max_bytes: int) -> bytes:
    """A body as it was before `Content-Encoding` "" (none), gzip or deflate.

    Raises:
        MalformedRequest: another coding, or bytes that are not in it.
        TooLarge: more than `max_bytes` come out.
    """
    if coding in ("", "identity"):
        return body
    if coding not in CODINGS:
        raise MalformedRequest(f"Content-Encoding: must be one of {', '.join(CODINGS)}, or be left out")
    reader = zlib.decompressobj(_EITHER)
    try:
        plain = reader.decompress(body, max_bytes + 1)
    except zlib.error as exc:
        raise MalformedRequest(f"the body is not {coding}, as Content-Encoding says: {exc}") from exc
    if len(plain) > max_bytes:
        raise TooLarge(f"the body has more than {max_bytes} bytes once it is unpacked; send fewer or shorter texts")
    if not reader.eof:
        raise MalformedRequest(f"the body is not {coding}, as Content-Encoding says: its end is missing")
    return plain


def accepted(accept_encoding: str) -> Coding | None:
    """The first coding of an `Accept-Encoding` header that is known here."""
    for part in accept_encoding.split(","):
        name, _, weight = part.partition(";")
        for coding in CODINGS:
            if name.strip() == coding and weight.replace(" ", "") not in ("q=0", "q=0.0"):
                return coding
    return None


def encoded(body: bytes, coding: Coding) -> bytes:
    """A body in a coding."""
    return gzip.compress(body, _LEVEL, mtime=0) if coding == "gzip" else zlib.compress(body, _LEVEL)
