"""Compressed bodies (RFC 9110, section 8.4): zstd, gzip and deflate, both ways."""

import re
import zlib
from collections.abc import Callable, Iterator
from typing import Final, Literal, Protocol

import zstandard

from gateway.errors import MalformedRequest, TooLarge, UnknownCoding

Coding = Literal["zstd", "gzip", "deflate"]
CODINGS: Final[tuple[Coding, ...]] = ("zstd", "gzip", "deflate")
"""Those that are known, the fastest first."""
MIN_BYTES = 1024
"""Smaller answers go as they are: they fit into one packet either way."""
PIECE_BYTES = 65_536
MAX_PARTS = 1000
"""A body, or what a stream has between two lines, may have so many gzip members or zstd frames:
each costs time, however small it is."""
_MAX_WINDOW_BYTES = 2**23  # as RFC 9659 allows for a content coding
_ZSTD_STEP_BYTES = 256  # of compressed bytes: each may be a block of 128 KiB, and the library has no bound
_LEVEL = 1
_WEIGHT = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


class Decoder:
    """Decodes a body that comes in pieces; the pieces that come out are small."""

    def __init__(self, content_encoding: str, max_parts: int) -> None:
        """`content_encoding` is the header; "" and identity change nothing.

        `max_parts` bounds the number of gzip members or zstd frames.

        Raises:
            UnknownCoding: it names another coding, or several.
        """
        name = _plain(content_encoding)
        if name not in ("", "identity", *CODINGS):
            raise UnknownCoding(f"Content-Encoding: must be one of {', '.join(CODINGS)}, or be left out")
        self._coding = "" if name == "identity" else name
        self._part = _PARTS[self._coding]() if self._coding else None
        self._parts, self._max_parts = 1, max_parts

    @property
    def unpacks(self) -> bool:
        """Whether more may come out than goes in."""
        return self._part is not None

    def count_parts_anew(self) -> None:
        """Let as many parts come from now on as if none had come before."""
        self._parts = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What comes out of the next bytes.

        Raises:
            MalformedRequest: they are not in the coding.
        """
        if self._part is None:
            yield data
            return
        # what is left after the end of a part is copied, so it must be little
        for at in range(0, len(data), PIECE_BYTES):
            yield from self._feed(self._part, data[at : at + PIECE_BYTES])

    def _feed(self, part: "_Part", data: bytes) -> Iterator[bytes]:
        while data:
            if part.ended:
                part = self._part = self._next_part()
            try:
                yield from part.feed(data)
            except (zlib.error, zstandard.ZstdError) as exc:
                raise self._fault(str(exc)) from exc
            data = part.rest if part.ended else b""

    def end(self) -> None:
        """Check that the body was whole.

        Raises:
            MalformedRequest: its end is missing.
        """
        if self._part is not None and not self._part.ended:
            raise self._fault("its end is missing")

    def _next_part(self) -> "_Part":
        # RFC 1952 and RFC 8878 join members and frames; zlib's format has no such thing
        self._parts += 1
        if self._coding == "deflate":
            raise self._fault("something follows its end")
        if self._parts > self._max_parts:
            raise self._fault(f"it has more than {self._max_parts} parts")
        return _PARTS[self._coding]()

    def _fault(self, reason: str) -> MalformedRequest:
        return MalformedRequest(f"the body is not {self._coding}, as Content-Encoding says: {reason}")


class _Part(Protocol):
    """A gzip member, a zlib stream or a zstd frame; `rest` are the bytes after it has ended."""

    @property
    def ended(self) -> bool: ...

    @property
    def rest(self) -> bytes: ...

    def feed(self, data: bytes) -> Iterator[bytes]: ...


class _Zlib:
    def __init__(self, window_bits: int) -> None:
        self._reader = zlib.decompressobj(window_bits)

    @property
    def ended(self) -> bool:
        return self._reader.eof

    @property
    def rest(self) -> bytes:
        return self._reader.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        full = True
        while not self._reader.eof and (data or full):
            piece = self._reader.decompress(data, PIECE_BYTES)
            data, full = self._reader.unconsumed_tail, len(piece) == PIECE_BYTES
            yield piece


class _Zstd:
    def __init__(self) -> None:
        self._reader = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES).decompressobj()
        self._unread = b""

    @property
    def ended(self) -> bool:
        return self._reader.eof

    @property
    def rest(self) -> bytes:
        return self._reader.unused_data + self._unread

    def feed(self, data: bytes) -> Iterator[bytes]:
        for at in range(0, len(data), _ZSTD_STEP_BYTES):
            if self._reader.eof:
                self._unread = data[at:]
                return
            yield self._reader.decompress(data[at : at + _ZSTD_STEP_BYTES])


_PARTS: Final[dict[str, Callable[[], _Part]]] = {
    "zstd": _Zstd,
    "gzip": lambda: _Zlib(zlib.MAX_WBITS | 16),
    "deflate": lambda: _Zlib(zlib.MAX_WBITS),
}


def decoded(body: bytes, content_encoding: str, max_bytes: int) -> bytes:
    """A body as it was before its `Content-Encoding`.

    Raises:
        UnknownCoding: another coding than ours.
        MalformedRequest: bytes that are not in the coding.
        TooLarge: more than `max_bytes` come out.
    """
    decoder, pieces, size = Decoder(content_encoding, MAX_PARTS), [], 0
    for piece in decoder.feed(body):
        size += len(piece)
        if size > max_bytes:
            raise TooLarge(f"the body has more than {max_bytes} bytes once it is unpacked; send fewer or shorter texts")
        pieces.append(piece)
    decoder.end()
    return b"".join(pieces)


def accepted(accept_encoding: str) -> Coding | None:
    """The coding that an `Accept-Encoding` header likes best, of equal ones the fastest.

    None: no coding (RFC 9110, section 12.5.3).
    """
    weights = {}
    for part in accept_encoding.lower().split(","):
        name, _, parameter = part.partition(";")
        weight = _WEIGHT.fullmatch(parameter.replace(" ", "").replace("\t", "")) if parameter.strip() else None
        if weight is not None or not parameter.strip():
            weights[_plain(name)] = 1.0 if weight is None else float(weight[1])
    anything = weights.get("*", 0.0)
    best = max(CODINGS, key=lambda coding: weights.get(coding, anything))
    weight_of_best = weights.get(best, anything)
    # who says nothing of identity takes it, but would rather have what it names
    return best if weight_of_best > 0 and weight_of_best >= weights.get("identity", 0.0) else None


def _plain(name: str) -> str:
    """The name of a coding without case; x-gzip is gzip (RFC 9110, section 8.4.1.3)."""
    name = name.strip().lower()
    return "gzip" if name == "x-gzip" else name


class Encoder:
    """Encodes a body that goes in pieces."""

    def __init__(self, coding: Coding) -> None:
        if coding == "zstd":
            self._writer: zstandard.ZstdCompressionObj | zlib._Compress = zstandard.ZstdCompressor(level=_LEVEL).compressobj()
        else:
            self._writer = zlib.compressobj(_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | (16 if coding == "gzip" else 0))

    def feed(self, data: bytes, *, last: bool) -> bytes:
        """What the next piece becomes; with `last`, the end of the body as well."""
        return self._writer.compress(data) + (self._writer.flush() if last else b"")
