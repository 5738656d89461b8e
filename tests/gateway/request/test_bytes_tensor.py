import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.utils import deserialize_bytes_tensor, serialize_byte_tensor

from gateway.request.bytes_tensor import packed, unpacked

elements = st.lists(st.binary(max_size=40).filter(lambda value: not value.endswith(b"\0")), min_size=1, max_size=8)


@given(elements)
def test_elements_are_written_and_read_as_by_tritons_client(values):
    assert packed(values) == serialize_byte_tensor(np.array(values, dtype=np.object_)).item()
    assert unpacked(packed(values)) == list(deserialize_bytes_tensor(packed(values))) == values


@given(elements, st.data())
def test_bytes_that_end_within_an_element_are_refused(values, data):
    raw = packed(values)
    cut = data.draw(st.integers(1, len(values[-1]) + 3))
    with pytest.raises(ValueError, match="are left"):
        unpacked(raw[:-cut])
