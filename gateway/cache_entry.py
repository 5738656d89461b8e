"""What the response cache holds: keys and values. Pure.

A key is made of the packaged version's digest and the canonical item, so nothing stale can be hit after a re-export. Options
that only choose what is shown of an answer (`top_k` of labels) are no part of it: the value is the whole answer.

    value = magic (1 byte) · made at (uint32, Unix seconds) · row (`gateway.row`), little-endian
"""

import hashlib
import struct
from typing import NamedTuple

from gateway.prediction import Item
from gateway.row import FLOAT_BYTES, TOKENS_BYTES

MAGIC = 0x02
PREFIX = b"headrace:"
_HEAD = struct.Struct("<BI")
_LENGTHS = struct.Struct("<IiI")
_SEVERAL_PARTS = b"parts"


class Entry(NamedTuple):
    """A cached answer: Unix seconds when it was made, and the row."""

    made_at_s: int
    row: bytes


def key(digest: str, item: Item) -> bytes:
    """The key of one item's answer by the version with this digest."""
    secret = digest.encode()[-64:]
    text, pair, parameters = item
    if pair is None and not parameters:
        return PREFIX + hashlib.blake2b(text, digest_size=16, key=secret).digest()
    lengths = _LENGTHS.pack(len(text), -1 if pair is None else len(pair), len(parameters))
    parts = b"".join((lengths, text, pair or b"", parameters))
    return PREFIX + hashlib.blake2b(parts, digest_size=16, key=secret, person=_SEVERAL_PARTS).digest()


def pack(entry: Entry) -> bytes:
    """The value to store."""
    return _HEAD.pack(MAGIC, entry.made_at_s) + entry.row


def unpack(value: bytes, width: int | None) -> Entry | None:
    """Read a value; None where it is not one of ours for rows of `width` numbers (of JSON: None)."""
    row_bytes = len(value) - _HEAD.size
    fits = row_bytes >= TOKENS_BYTES if width is None else row_bytes == width * FLOAT_BYTES + TOKENS_BYTES
    if not fits or value[0] != MAGIC:
        return None
    return Entry(_HEAD.unpack_from(value)[1], value[_HEAD.size :])
