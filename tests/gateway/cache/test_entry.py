import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.entry import MAGIC, VERSION, Entry, Unreadable, pack, unpack

KEY, NEVER, LIMIT = b"headrace:0123456789abcdef", 2**30, 2**20
TIMES = st.floats(0, 2**33)
ENTRIES = st.builds(Entry, TIMES, TIMES, st.binary(min_size=4, max_size=300))


@given(TIMES, TIMES, st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=20))
def test_value_comes_back_as_it_was(made_at_s, fresh_until_s, scores):
    entry = Entry(made_at_s, fresh_until_s, struct.pack(f"<{len(scores)}fi", *scores, 7))
    assert unpack(KEY, pack(KEY, entry, NEVER), len(scores), LIMIT) == entry


@given(ENTRIES)
def test_compressed_json_comes_back_as_it_was_and_smaller(entry):
    entry = entry._replace(row=entry.row * 20)
    value = pack(KEY, entry, 64)
    assert unpack(KEY, value, None, LIMIT) == entry
    assert len(value) <= len(pack(KEY, entry, NEVER))


def test_text_is_compressed_and_noise_is_not():
    text, noise = b'{"label":"crude","score":0.9}' * 100, random.Random(0).randbytes(2000)
    assert len(pack(KEY, Entry(1, 2, text), 1024)) < 200
    assert len(pack(KEY, Entry(1, 2, noise), 1024)) == len(pack(KEY, Entry(1, 2, noise), NEVER))


@given(st.binary(max_size=80))
def test_foreign_value_is_not_read(value):
    with pytest.raises(Unreadable, match="foreign" if not value.startswith(MAGIC + bytes([VERSION])) else "foreign|corrupt"):
        unpack(KEY, value, 8, LIMIT)


@given(ENTRIES, st.sampled_from([0, NEVER]), st.data())
def test_any_flipped_bit_is_noticed(entry, threshold, data):
    value = bytearray(pack(KEY, entry, threshold))
    bit = data.draw(st.integers(0, len(value) * 8 - 1))
    value[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Unreadable):
        unpack(KEY, bytes(value), None, LIMIT)


@given(ENTRIES, st.data())
def test_value_that_was_cut_is_noticed(entry, data):
    value = pack(KEY, entry, NEVER)
    with pytest.raises(Unreadable):
        unpack(KEY, value[: data.draw(st.integers(0, len(value) - 1))], None, LIMIT)


@given(ENTRIES, st.binary(min_size=1, max_size=40).filter(lambda key: key != KEY))
def test_value_of_another_key_is_noticed(entry, other):
    with pytest.raises(Unreadable, match="corrupt"):
        unpack(KEY, pack(other, entry, NEVER), None, LIMIT)


def test_value_of_another_width_does_not_fit():
    value = pack(KEY, Entry(1, 2, bytes(12)), NEVER)
    assert unpack(KEY, value, 2, LIMIT).row == bytes(12)
    with pytest.raises(Unreadable, match="foreign"):
        unpack(KEY, value, 3, LIMIT)


def test_frame_larger_than_the_limit_is_not_decompressed():
    value = pack(KEY, Entry(1, 2, bytes(100_000)), 0)
    with pytest.raises(Unreadable, match="foreign"):
        unpack(KEY, value, None, 1000)
