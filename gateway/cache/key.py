"""The key of an item's entry. Pure.

    namespace = hash(packaged version's digest, tenant with a cache of its own, generation)
    key       = prefix · hash(namespace, canonical item)

A re-export has another digest, so its cache is empty at first. A deletion starts a new generation
(`gateway.cache.generations`). Options that only choose which part of a row is shown (`top_k` of
labels) are no part of the item: the entry holds the whole row.
"""

import hashlib
import struct
from collections.abc import Sequence

from gateway.request.prediction import Item

PREFIX = b"headrace:"
LEASE_PREFIX = b"headrace-lease:"
KEY_BYTES = 16
_LENGTHS = struct.Struct("<IiI")
_SEVERAL_PARTS = b"parts"
_ETAG = b"etag"


def namespace(digest: str, tenant: str, generation: bytes) -> bytes:
    """What the keys of one packaged version have in common.

    `tenant` is "" for the cache that all tenants share.
    """
    parts = [digest.encode(), tenant.encode(), generation]
    return hashlib.blake2b(b"".join(len(part).to_bytes(4, "little") + part for part in parts), digest_size=64).digest()


def key(space: bytes, item: Item) -> bytes:
    """The key of one item's entry in a namespace."""
    text, pair, parameters = item
    if pair is None and not parameters:
        return PREFIX + hashlib.blake2b(text, digest_size=KEY_BYTES, key=space).digest()
    lengths = _LENGTHS.pack(len(text), -1 if pair is None else len(pair), len(parameters))
    parts = b"".join((lengths, text, pair or b"", parameters))
    return PREFIX + hashlib.blake2b(parts, digest_size=KEY_BYTES, key=space, person=_SEVERAL_PARTS).digest()


def lease_key(of: bytes) -> bytes:
    """The key under which the lease of a key is held."""
    return LEASE_PREFIX + of[len(PREFIX) :]


def entity_tag(keys: Sequence[bytes], shown: bytes) -> str:
    """The `ETag` of the answer to items with these keys.

    `shown` is the dialect with the options that choose which part of the rows is shown. The tag is
    weak, since the same answer computed in another batch may differ in the last digits.
    """
    return f'W/"{hashlib.blake2b(b"".join(keys) + shown, digest_size=12, person=_ETAG).hexdigest()}"'
