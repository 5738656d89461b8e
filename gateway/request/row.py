"""A row: what Triton answered for one item, as bytes.

Nothing is decoded between Triton, the cache and the response.

    row = value · tokens (int32, little-endian)

The value is float32 × `width`, or JSON where the task's answer is JSON. `tokens` counts the item's
tokens before it is cut.
"""

import struct

from model_repository.manifest import Manifest
from model_repository.tasks import TASKS

FLOAT_BYTES = 4
TOKENS_BYTES = 4


def width_of(manifest: Manifest) -> int | None:
    """How many float32 a row holds; None where it holds JSON."""
    width = TASKS[manifest.task].width
    return None if width is None else width(manifest.postprocessing, manifest.labels)


def cut_at(manifest: Manifest) -> int | None:
    """More tokens than this are cut; None where long texts are read whole, in windows."""
    reads_windows = manifest.windows is not None or TASKS[manifest.task].windowed
    return None if reads_windows else manifest.max_length


def value_of(row: bytes) -> bytes:
    """The value: float32 × width, or JSON."""
    return row[:-TOKENS_BYTES]


def floats_of(row: bytes) -> tuple[float, ...]:
    """The value of a row that holds numbers."""
    return struct.unpack_from(f"<{len(row) // FLOAT_BYTES - 1}f", row)


def tokens_of(row: bytes) -> int:
    """The item's tokens before it is cut, special ones included."""
    return int.from_bytes(row[-TOKENS_BYTES:], "little")
