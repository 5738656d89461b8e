"""The entries of the response cache and their format in Redis. Pure.

    value = magic (2 bytes) · version (1) · encoding (1) · checksum (uint32)
            · made at · fresh until (float64, Unix seconds) · payload

All numbers are little-endian. The payload is the row (`gateway.request.row`), as it is or as a zstd
frame. The checksum is the CRC-32 of the key, both times and the payload. It detects a value with
flipped bits, a value that was cut and a value of another key; each of them is a miss.
"""

import struct
from typing import NamedTuple
from zlib import crc32

import zstandard

from gateway.request.row import FLOAT_BYTES, TOKENS_BYTES

MAGIC = b"HR"
VERSION = 3
PLAIN, ZSTD = 0, 1
COMPRESSION_LEVEL = 3
WORTH_COMPRESSING = 0.9
"""A frame is used where it is smaller than this share of the row."""
_HEAD = struct.Struct("<2sBBI")
_TIMES = struct.Struct("<dd")
_PAYLOAD = _HEAD.size + _TIMES.size


class Entry(NamedTuple):
    """A cached row, when it was made and until when it is fresh (both in Unix seconds)."""

    made_at_s: float
    fresh_until_s: float
    row: bytes


class Unreadable(Exception):
    """A value that is no entry.

    `reason` is `foreign` (not our format) or `corrupt` (our format, but altered or under another
    key).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def pack(key: bytes, entry: Entry, compress_above_bytes: int) -> bytes:
    """The value to store under `key`.

    A row above the threshold is compressed where that makes it smaller.
    """
    encoding, payload = PLAIN, entry.row
    if len(payload) > compress_above_bytes:
        frame = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).compress(payload)
        if len(frame) < WORTH_COMPRESSING * len(payload):
            encoding, payload = ZSTD, frame
    times = _TIMES.pack(entry.made_at_s, entry.fresh_until_s)
    return _HEAD.pack(MAGIC, VERSION, encoding, _checksum(key, encoding, times, payload)) + times + payload


def unpack(key: bytes, value: bytes, width: int | None, max_row_bytes: int) -> Entry:
    """The entry that was stored as `value` under `key`.

    `width` is the count of numbers in a row, None for rows of JSON.

    Raises:
        Unreadable: the value is not one of ours, was altered, or does not fit.
    """
    if len(value) < _PAYLOAD:
        raise Unreadable("foreign")
    magic, version, encoding, checksum = _HEAD.unpack_from(value)
    if magic != MAGIC or version != VERSION:
        raise Unreadable("foreign")
    times, row = value[_HEAD.size : _PAYLOAD], value[_PAYLOAD:]
    if _checksum(key, encoding, times, row) != checksum:
        raise Unreadable("corrupt")
    if encoding == ZSTD:
        row = _decompressed(row, max_row_bytes)
    fits = len(row) >= TOKENS_BYTES if width is None else len(row) == width * FLOAT_BYTES + TOKENS_BYTES
    if not fits:
        raise Unreadable("foreign")
    made_at_s, fresh_until_s = _TIMES.unpack(times)
    return Entry(made_at_s, fresh_until_s, row)


def _checksum(key: bytes, encoding: int, times: bytes, payload: bytes) -> int:
    return crc32(payload, crc32(times, crc32(key, encoding)))


def _decompressed(frame: bytes, max_row_bytes: int) -> bytes:
    try:
        if not 0 <= zstandard.frame_content_size(frame) <= max_row_bytes:
            raise Unreadable("foreign")
        return zstandard.ZstdDecompressor().decompress(frame)
    except zstandard.ZstdError as exc:
        raise Unreadable("corrupt") from exc
