"""Predictions as the rows that a model server answers (`gateway.request.row`). Pure."""

import math
import struct
from collections.abc import Sequence
from typing import Any

import orjson

from gateway.request.row import TOKENS_BYTES, width_of
from model_repository.manifest import Manifest


def pack_row(manifest: Manifest, prediction: Any, tokens: int) -> bytes:
    """The row of a prediction for an item of so many tokens.

    Raises:
        ValueError: the version's rows hold another number of numbers.
    """
    width = width_of(manifest)
    if width is None:
        return orjson.dumps(prediction) + _packed(tokens)
    numbers: Sequence[float] = prediction
    if len(numbers) != width:
        raise ValueError(f"a row of {manifest.model} holds {width} numbers, the prediction has {len(numbers)}")
    return struct.pack(f"<{width}f", *numbers) + _packed(tokens)


def pack_faulty_row(manifest: Manifest, tokens: int) -> bytes:
    """The row of an item that cannot be processed: no numbers (NaN), or no JSON."""
    return struct.pack(f"<{width}f", *[math.nan] * width) + _packed(tokens) if (width := width_of(manifest)) else _packed(tokens)


def _packed(tokens: int) -> bytes:
    return tokens.to_bytes(TOKENS_BYTES, "little")
