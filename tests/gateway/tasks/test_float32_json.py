import json
import struct

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from gateway.tasks.float32_json import as_json, raw_as_json

float32s = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(float32s, max_size=20))
def test_numbers_are_written_as_numpy_writes_float32_and_read_back_exactly(numbers):
    raw = struct.pack(f"<{len(numbers)}f", *numbers)
    for text in (orjson.dumps(as_json(numbers)), orjson.dumps(raw_as_json(raw))):
        assert np.array(json.loads(text), dtype=np.float32).tobytes() == np.array(numbers, dtype=np.float32).tobytes()
        shortest = [float(np.format_float_positional(np.float32(number), unique=True)) for number in numbers]
        assert json.loads(text) == shortest


def test_what_json_cannot_hold_is_null():
    assert orjson.dumps(as_json([float("nan"), float("inf"), 0.1])) == b"[null,null,0.1]"
