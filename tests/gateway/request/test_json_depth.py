import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.request.json_depth import is_deeper

texts = st.text(st.sampled_from('[]{}"\\,ü a'))
documents = st.recursive(
    st.none() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


def depth(node):
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(documents, st.integers(0, 6), st.booleans(), st.sampled_from([None, 1]))
def test_depth_is_that_of_the_parsed_document(document, limit, ascii_only, indent):
    raw = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode()
    assert is_deeper(raw, limit) == (depth(document) > limit)


@given(st.binary(), st.integers(1, 4))
def test_bytes_that_are_not_json_are_no_trouble(raw, limit):
    assert is_deeper(raw, limit) in (True, False)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 2_000_000,
        b"[]" * 1_000_000,
        b"[" * 1_000_000 + b"]" * 1_000_000,
        b'{"a":' * 300_000,
        b'"' + b'\\"' * 1_000_000,
        b"[" * 40 + b'"' * 1_000_001,
        b"[" * 40 + b'"\\' * 900_000,
        b"{[" * 400_000 + b"}]" * 400_000,
    ],
    ids=lambda raw: raw[:6].decode(),
)
def test_hostile_bodies_are_looked_through_quickly(raw):
    begun = time.process_time()
    is_deeper(raw, 32)
    assert time.process_time() - begun < 0.5


def test_the_limit_itself_is_allowed():
    assert not is_deeper(b"[" * 32 + b"]" * 32, 32)
    assert is_deeper(b"[" * 33 + b"]" * 33, 32)
