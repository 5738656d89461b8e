"""The classification extension: the best classes of each row, as Triton writes them.

A class is `value:index`.
"""

import struct


def best_classes(raw: bytes, integer: bool, width: int, classes: int) -> list[bytes]:
    """The `classes` best of each row, the highest first; one row after another.

    `raw` holds rows [width] of float32, or of int32 where `integer`.
    """
    values = struct.unpack(f"<{len(raw) // 4}{'i' if integer else 'f'}", raw)
    best = []
    for begin in range(0, len(values), width):
        row = values[begin : begin + width]
        order = sorted(range(width), key=row.__getitem__, reverse=True)
        best += [(f"{row[i]}:{i}" if integer else f"{row[i]:f}:{i}").encode() for i in order[:classes]]
    return best
