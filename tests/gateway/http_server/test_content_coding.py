import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import MalformedRequest, TooLarge
from gateway.http_server.content_coding import CODINGS, accepted, decoded, encoded


@given(st.binary(max_size=2000), st.sampled_from(CODINGS))
def test_body_comes_out_as_it_went_in(body, coding):
    assert decoded(encoded(body, coding), coding, 2000) == body


@pytest.mark.parametrize("coding", CODINGS)
def test_small_body_that_unpacks_into_a_large_one_is_refused(coding):
    with pytest.raises(TooLarge, match="more than 1000 bytes once it is unpacked"):
        decoded(encoded(b"a" * 10_000_000, coding), coding, 1000)


@pytest.mark.parametrize("body", [b"plain text", gzip.compress(b"a" * 99)[:-9], zlib.compress(b"a" * 99)[:-5], b""])
def test_bytes_that_are_not_in_their_coding_are_refused(body):
    with pytest.raises(MalformedRequest, match="the body is not gzip"):
        decoded(body, "gzip", 1000)


def test_unknown_coding_is_refused_and_none_changes_nothing():
    with pytest.raises(MalformedRequest, match="one of gzip, deflate"):
        decoded(b"a", "br", 10)
    assert decoded(b"a", "", 10) == decoded(b"a", "identity", 10) == b"a"


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("", None),
        ("br", None),
        ("gzip", "gzip"),
        ("deflate, gzip", "deflate"),
        ("br;q=1.0, gzip;q=0.5", "gzip"),
        ("gzip;q=0, deflate", "deflate"),
    ],
)
def test_first_known_coding_that_is_accepted_is_chosen(header, coding):
    assert accepted(header) == coding
