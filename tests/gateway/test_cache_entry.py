import struct

from hypothesis import given
from hypothesis import strategies as st

from gateway.cache_entry import Entry, key, pack, unpack
from gateway.prediction import Item

DIGESTS = [f"sha256:{c * 64}" for c in "ab"]


@given(st.integers(0, 2**32 - 1), st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=20))
def test_value_comes_back_as_it_was(made_at_s, scores):
    entry = Entry(made_at_s, struct.pack(f"<{len(scores)}fi", *scores, 7))
    assert unpack(pack(entry), len(scores)) == entry


@given(st.binary(max_size=64))
def test_foreign_value_is_no_entry(value):
    labels = 8
    assert unpack(value, labels) is None or (len(value) == 9 + 4 * labels and value[0] == 2)


@given(st.binary(min_size=4))
def test_json_comes_back_as_it_was(row):
    assert unpack(pack(Entry(7, row)), None) == Entry(7, row)


ITEMS = st.builds(Item, st.binary(max_size=5), st.none() | st.binary(max_size=5), st.binary(max_size=5))


@given(ITEMS, ITEMS)
def test_key_tells_items_and_digests_apart(one, other):
    assert (key(DIGESTS[0], one) == key(DIGESTS[0], other)) == (one == other)
    assert key(DIGESTS[0], one) != key(DIGESTS[1], one)
