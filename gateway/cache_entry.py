"""What the response cache holds: keys and values. Pure.

A key is made of the packaged version's digest and the canonical item, so nothing stale can be hit after a re-export. Options
that only choose what is shown of an answer (`top_k`) are no part of it: the value is the whole answer.

    value = magic (1 byte) · made at (uint32, Unix seconds) · scores (float32 × labels) · tokens (int32), little-endian
"""

import hashlib
import struct
from typing import NamedTuple

MAGIC = 0x02
PREFIX = b"headrace:"
_HEAD = struct.Struct("<BI")
_FLOAT_BYTES = 4
_TOKENS_BYTES = 4


class Entry(NamedTuple):
    """A cached answer: Unix seconds when it was made, and the row of scores and tokens."""

    made_at_s: int
    row: bytes


def key(digest: str, text: bytes) -> bytes:
    """The key of one text's answer by the version with this digest."""
    return PREFIX + hashlib.blake2b(text, digest_size=16, key=digest.encode()[-64:]).digest()


def pack(entry: Entry) -> bytes:
    """The value to store."""
    return _HEAD.pack(MAGIC, entry.made_at_s) + entry.row


def unpack(value: bytes, labels: int) -> Entry | None:
    """Read a value; None where it is not one of ours for a version with this many labels."""
    if len(value) != _HEAD.size + labels * _FLOAT_BYTES + _TOKENS_BYTES or value[0] != MAGIC:
        return None
    return Entry(_HEAD.unpack_from(value)[1], value[_HEAD.size :])
