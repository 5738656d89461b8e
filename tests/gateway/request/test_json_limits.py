import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timed import timed

from gateway.errors import GatewayError, MalformedRequest, TooLarge
from gateway.request.json_limits import MAX_DIGITS, JsonLimits, require_within

texts = st.text(st.sampled_from('[]{}"\\,ü a'))
documents = st.recursive(
    st.none() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


def depth(node):
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def refusal(raw, **limits):
    """The error over the limits; those that are not given are never reached."""
    try:
        require_within(raw, "the body", JsonLimits(**{"max_depth": 10**6, "max_values": 10**9, "max_members": 10**9} | limits))
    except GatewayError as exc:
        return type(exc)


def parts(node):
    """All values of a document."""
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [node, *(part for value in inner for part in parts(value))]


@given(documents, st.integers(0, 6), st.booleans(), st.sampled_from([None, 1]))
def test_depth_is_that_of_the_parsed_document(document, limit, ascii_only, indent):
    raw = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode()
    assert refusal(raw, max_depth=limit) == (MalformedRequest if depth(document) > limit else None)


@given(documents, st.integers(0, 20), st.booleans(), st.sampled_from([None, 1]))
def test_members_are_counted_as_the_parsed_document_has_them(document, limit, ascii_only, indent):
    raw = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode()
    members = sum(len(part) for part in parts(document) if isinstance(part, dict))
    assert refusal(raw, max_members=limit) == (TooLarge if members > limit else None)


@given(documents, st.integers(0, 20), st.booleans(), st.sampled_from([None, 1]))
def test_more_values_than_the_limit_are_refused_and_half_as_many_are_not(document, limit, ascii_only, indent):
    raw = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode()
    values = len(parts(document)) - 1  # all but the outermost
    refused = refusal(raw, max_values=limit)
    assert refused == TooLarge or values <= limit
    # a list with a value in it counts twice: for its bracket and for the comma before it
    assert refused is None or 2 * values + 1 > limit


@pytest.mark.parametrize("chunk_end", range(2**16 - 3, 2**16 + 4))
@pytest.mark.parametrize("string", [rb'"[,:\\"', rb'"[\","', b'"["', rb'"\u00e4["'])
def test_strings_across_the_chunks_that_are_looked_through_stay_strings(chunk_end, string):
    raw = b"[" + b" " * (chunk_end - len(string) - 1) + string + b"," + b"1," * 40_000 + b"[[]]]"
    assert json.loads(raw)
    assert refusal(raw, max_depth=3) is None
    assert refusal(raw, max_depth=2) is MalformedRequest
    assert refusal(raw, max_values=40_004) is None
    assert refusal(raw, max_values=40_003) is TooLarge


@given(st.binary(), st.integers(1, 4))
def test_bytes_that_are_not_json_are_no_trouble(raw, limit):
    assert refusal(raw, max_depth=limit, max_values=limit, max_members=limit) in (None, MalformedRequest, TooLarge)


@timed
@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 2_000_000,
        b"[]" * 1_000_000,
        b"[" * 1_000_000 + b"]" * 1_000_000,
        b'{"a":' * 300_000,
        b'"",' * 600_000,
        b'"' + b'\\"' * 1_000_000,
        b"[" * 40 + b'"' * 1_000_001,
        b"[" * 40 + b'"\\' * 900_000,
        b"{[" * 400_000 + b"}]" * 400_000,
    ],
    ids=lambda raw: raw[:6].decode(),
)
def test_hostile_bodies_are_looked_through_quickly(raw):
    begun = time.process_time()
    refusal(raw, max_depth=32)
    assert time.process_time() - begun < 0.5


def test_the_limit_itself_is_allowed():
    assert refusal(b"[" * 32 + b"]" * 32, max_depth=32) is None
    assert refusal(b"[" * 33 + b"]" * 33, max_depth=32) is MalformedRequest


@pytest.mark.parametrize("number", [b"9", b"-9", b"9.", b"0.", b"9e"], ids=repr)
def test_a_number_has_a_greatest_count_of_digits_in_json_that_is_not_short(number):
    def body(digits, *, quote=b""):
        return b"[" + quote + number + b"7" * digits + quote + b"," + b" " * 500 + b"1]"

    most = {"max_values": 100, "max_members": 100}
    assert refusal(body(MAX_DIGITS + 1), **most) is MalformedRequest
    assert refusal(body(MAX_DIGITS - 1), **most) is None
    assert refusal(body(MAX_DIGITS + 1, quote=b'"'), **most) is None
