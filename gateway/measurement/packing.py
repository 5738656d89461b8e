"""Whole numbers as MessagePack, which a script on the server reads and writes, too.

A number takes 1 to 9 bytes, the small ones the fewest. Zeros at the end are left out.
"""

from collections.abc import Sequence

import msgpack


def pack(numbers: Sequence[int]) -> bytes:
    """The numbers as bytes; the first one stays even if it is 0."""
    end = len(numbers)
    while end > 1 and not numbers[end - 1]:
        end -= 1
    packed: bytes = msgpack.packb(list(numbers[:end]))
    return packed


def unpack(packed: bytes, size: int) -> list[int]:
    """The `size` numbers of which `pack` made these bytes.

    Raises:
        ValueError: it did not.
    """
    numbers: list[int] = msgpack.unpackb(packed)
    return numbers + [0] * (size - len(numbers))
