import json
import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects import ndjson
from gateway.dialects.ndjson import Line, Splitter
from gateway.errors import InvalidRequest, MalformedRequest, Overloaded, TooLarge
from gateway.request.prediction import Item, Prediction
from gateway.tasks import task_of


def split(*chunks, limit=10):
    splitter = Splitter(limit)
    return [line for chunk in chunks for line in splitter.feed(chunk)] + list(splitter.end())


def test_lines_are_numbered_and_empty_ones_left_out():
    assert split(b"a\n\n b \r\nc") == [Line(1, b"a"), Line(3, b"b"), Line(4, b"c")]
    assert split(b"") == split(b"\n\n") == []


def test_a_line_over_the_limit_is_told_and_the_next_one_read():
    assert split(b"a" * 11 + b"\nb\n" + b"c" * 8, b"c" * 8, b"\n" + b"d" * 10) == [
        Line(1, None),
        Line(2, b"b"),
        Line(3, None),
        Line(4, b"d" * 10),
    ]


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_where_the_bytes_are_cut_makes_no_difference(raw, places):
    cuts = [0, *sorted(min(place, len(raw)) for place in places), len(raw)]
    chunks = [raw[a:b] for a, b in pairwise(cuts)]
    assert split(*chunks) == split(raw)


def read(raw, version, **parameters):
    return ndjson.items(raw, version, task_of(version), parameters, 20)


def test_a_line_is_an_instance_as_in_a_prediction_request(manifest):
    assert read(b'"corn"', manifest()) == read(b'{"text": "corn"}', manifest()) == [Item(b"corn")]
    ranker = manifest(task="text-ranking", labels=(), postprocessing={})
    assert read(b'{"query": "q", "documents": ["a", "b"]}', ranker) == [Item(b"q", b"a"), Item(b"q", b"b")]


@pytest.mark.parametrize(
    ("raw", "error", "sentence"),
    [
        (b"corn", MalformedRequest, "the line is not JSON"),
        (b'"\xff"', MalformedRequest, "the line is not JSON in UTF-8"),
        (b"[1]", InvalidRequest, "the line must be a string, or an object"),
        (b'{"query": "q", "documents": ["a"]}', InvalidRequest, "the line: a model for text-classification takes"),
        (b'"a text of more than twenty bytes"', TooLarge, "the line has 32 bytes, at most 20"),
    ],
)
def test_a_fault_is_told_of_its_line(manifest, raw, error, sentence):
    with pytest.raises(error, match=sentence.replace("(", r"\(")):
        read(raw, manifest())


def test_parameters_are_those_of_a_prediction_request():
    assert ndjson.parse_parameters('{"top_k": 3}') == {"top_k": 3}
    for raw, error in (("{", MalformedRequest), ("[]", InvalidRequest), ('{"top": 1}', InvalidRequest)):
        with pytest.raises(error, match=r"^parameters: "):
            ndjson.parse_parameters(raw)


def test_lines_out_hold_the_number_and_a_prediction_or_an_error(manifest):
    def line(raw):
        assert raw.endswith(b"\n")
        return json.loads(raw)

    version = manifest(max_length=9)
    rows = [struct.pack("<2fi", 0.25, 0.75, tokens) for tokens in (9, 12)]
    assert line(ndjson.prediction_line(7, Prediction(version, rows[:1]), {})) == {"line": 7, "prediction": {"label": "yes", "score": 0.75}}
    assert line(ndjson.prediction_line(8, Prediction(version, rows[1:]), {}))["truncated"] == 12
    assert line(ndjson.error_line(9, Overloaded("busy"))) == {"line": 9, "error": "busy", "status": 429}
