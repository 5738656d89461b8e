"""The slot of a key, by which a cluster chooses the key's server. Pure.

The rule is that of the Redis Cluster specification.
"""

from binascii import crc_hqx
from collections.abc import Iterable
from typing import Final

SLOTS: Final = 16_384


def slot_of(key: str) -> int:
    """CRC16, modulo `SLOTS`, of the text in the key's first braces, else of the whole key."""
    _, _, behind = key.partition("{")
    tag, brace, _ = behind.partition("}")
    return crc_hqx((tag if brace and tag else key).encode(), 0) % SLOTS


def require_one_slot(keys: Iterable[str]) -> None:
    """Refuse keys that a cluster may keep on several servers, which no script or transaction spans.

    Raises:
        ValueError: they lie in several slots.
    """
    keys = list(keys)
    if len({slot_of(key) for key in keys}) > 1:
        raise ValueError(f"{', '.join(keys)}: what changes together must lie in one slot; give the keys the same tag in braces")
