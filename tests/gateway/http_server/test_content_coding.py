import gzip
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import MalformedRequest, TooLarge, UnknownCoding
from gateway.http_server.content_coding import CODINGS, MAX_PARTS, Decoder, Encoder, accepted, decoded

PLAIN = b'{"instances": ["opec"]}'
ORIGINALS = {"zstd": zstandard.decompress, "gzip": gzip.decompress, "deflate": zlib.decompress}
"""What other programs make of a body; `deflate` is zlib's format (RFC 9110, section 8.4.1.2)."""


def encoded(body, coding):
    return Encoder(coding).feed(body, last=True)


@given(st.binary(max_size=2000), st.sampled_from(CODINGS))
def test_body_comes_out_as_it_went_in(body, coding):
    assert decoded(encoded(body, coding), coding, 2000) == body


@given(st.binary(min_size=1, max_size=2000), st.sampled_from(CODINGS))
def test_other_programs_read_our_bodies(body, coding):
    assert (zstandard.ZstdDecompressor().decompressobj().decompress if coding == "zstd" else ORIGINALS[coding])(
        encoded(body, coding)
    ) == body


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.sampled_from(["gzip", "zstd"]), st.data())
def test_parts_are_joined_however_they_come(bodies, coding, data):
    raw = b"".join(encoded(body, coding) for body in bodies)
    assert decoded(raw, coding, 2000) == b"".join(bodies)
    cut = data.draw(st.integers(0, len(raw)))
    decoder = Decoder(coding, MAX_PARTS)
    pieces = [piece for part in (raw[:cut], raw[cut:]) for piece in decoder.feed(part)]
    decoder.end()
    assert b"".join(pieces) == b"".join(bodies)


@pytest.mark.parametrize("coding", CODINGS)
def test_small_body_that_unpacks_into_a_large_one_is_refused(coding):
    with pytest.raises(TooLarge, match="more than 1000 bytes once it is unpacked"):
        decoded(encoded(b"a" * 10_000_000, coding), coding, 1000)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 200_000])
def test_sizes_about_a_piece(coding, size):
    assert len(decoded(encoded(bytes(size), coding), coding, 200_000)) == size


@pytest.mark.parametrize(
    "body",
    [b"plain text", gzip.compress(b"a" * 99)[:-9], zlib.compress(b"a" * 99)[:-5], b""],
    ids=["plain text", "gzip, cut off", "deflate, cut off", "nothing"],
)
def test_bytes_that_are_not_in_their_coding_are_refused(body):
    with pytest.raises(MalformedRequest, match="the body is not gzip"):
        decoded(body, "gzip", 1000)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("after", [b"garbage", b"\0", PLAIN])
def test_what_follows_the_end_is_refused(coding, after):
    with pytest.raises(MalformedRequest, match=f"the body is not {coding}"):
        decoded(encoded(PLAIN, coding) + after, coding, 1000)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_no_body_has_more_parts_than_it_may(coding):
    part = encoded(b"", coding)
    assert decoded(part * MAX_PARTS, coding, 10) == b""
    with pytest.raises(MalformedRequest, match="more than 1000 parts"):
        decoded(part * (MAX_PARTS + 1), coding, 10)


def test_a_frame_that_needs_much_memory_is_refused():
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(MalformedRequest, match="the body is not zstd"):
        decoded(compressor.compress(PLAIN) + compressor.flush(), "zstd", 1000)


def test_unknown_coding_is_refused_and_none_changes_nothing():
    for unknown in ("br", "gzip, gzip", "x-", "*"):
        with pytest.raises(UnknownCoding, match="one of zstd, gzip, deflate"):
            decoded(b"a", unknown, 10)
    assert decoded(b"a", "", 10) == decoded(b"a", "identity", 10) == b"a"


@pytest.mark.parametrize("name", ["GZIP", "x-gzip", " Gzip "])
def test_names_of_codings_have_no_case(name):
    assert decoded(gzip.compress(PLAIN), name, 1000) == PLAIN


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("", None),
        ("br", None),
        ("gzip", "gzip"),
        ("GZip", "gzip"),
        ("x-gzip", "gzip"),
        ("deflate, gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("br;q=1.0, gzip;q=0.5", "gzip"),
        ("gzip;q=0.5, deflate;q=0.8", "deflate"),
        ("gzip;q=0, deflate", "deflate"),
        ("gzip;q=0.00", None),
        ("gzip;q=0.000", None),
        ("gzip; Q=0", None),
        ("gzip ;\tq=0.001", "gzip"),
        ("*", "zstd"),
        ("*;q=0", None),
        ("gzip, *;q=0", "gzip"),
        ("zstd;q=0, *", "gzip"),
        ("identity", None),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0.5, gzip", "gzip"),
        ("gzip;q=2", None),
        ("gzip;q=nonsense", None),
        ("gzip;;q=1", None),
        (",, gzip ,", "gzip"),
    ],
)
def test_the_coding_that_is_liked_best_is_chosen(header, coding):
    assert accepted(header) == coding
