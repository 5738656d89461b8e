"""The slot of a key, by which a cluster chooses the server that holds it. Pure; the Redis Cluster specification's rule."""

from binascii import crc_hqx
from collections.abc import Iterable
from typing import Final

SLOTS: Final = 16_384


def slot_of(key: str) -> int:
    """The slot: CRC16 of what stands in the key's first braces, of the whole key where they are missing or empty."""
    _, _, behind = key.partition("{")
    tag, brace, _ = behind.partition("}")
    return crc_hqx((tag if brace and tag else key).encode(), 0) % SLOTS


def require_one_slot(keys: Iterable[str]) -> None:
    """Refuse keys that a cluster would keep on several servers, where no script and no transaction reaches them together.

    Raises:
        ValueError: they lie in several slots.
    """
    keys = list(keys)
    if len({slot_of(key) for key in keys}) > 1:
        raise ValueError(f"{', '.join(keys)}: what changes together must lie in one slot; give the keys the same tag in braces")
