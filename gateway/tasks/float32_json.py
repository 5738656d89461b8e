"""Numbers of single precision in JSON. Pure.

A float32 is written with the fewest digits that read back as the same float32: about half as many
as of the double that Python makes of it.
"""

from collections.abc import Sequence

import numpy as np
import orjson


def as_json(numbers: Sequence[float]) -> orjson.Fragment:
    """A list of numbers for `orjson.dumps`; null in place of what JSON cannot hold."""
    return orjson.Fragment(orjson.dumps(np.array(numbers, dtype=np.float32), option=orjson.OPT_SERIALIZE_NUMPY))


def raw_as_json(raw: bytes) -> orjson.Fragment:
    """As `as_json`, from the bytes of a tensor (float32, little-endian)."""
    return orjson.Fragment(orjson.dumps(np.frombuffer(raw, dtype="<f4"), option=orjson.OPT_SERIALIZE_NUMPY))
