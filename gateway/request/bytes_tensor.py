"""The wire format of BYTES tensors: each element behind its length (uint32, little-endian)."""

import struct
from collections.abc import Iterable

_LENGTH = struct.Struct("<I")
LENGTH_BYTES = _LENGTH.size


def packed(values: Iterable[bytes]) -> bytes:
    """The bytes of a tensor with these elements."""
    return b"".join(part for value in values for part in (_LENGTH.pack(len(value)), value))


def unpacked(raw: bytes, most: int | None = None) -> list[bytes]:
    """The elements of a tensor, at most `most`; None: any number.

    Raises:
        ValueError: the bytes end within an element, or there are more.
    """
    values: list[bytes] = []
    at = 0
    while at < len(raw):
        if len(values) == most:
            raise ValueError(f"there are more than {most} elements")
        begin = at + LENGTH_BYTES
        if begin > len(raw):
            raise ValueError(f"{len(raw) - at} bytes are left where a length of {LENGTH_BYTES} must stand")
        at = begin + _LENGTH.unpack_from(raw, at)[0]
        if at > len(raw):
            raise ValueError(f"an element of {at - begin} bytes is announced and {len(raw) - begin} are left")
        values.append(raw[begin:at])
    return values
