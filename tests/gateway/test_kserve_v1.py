import json
import struct

import pytest

from gateway.dialects import kserve_v1
from gateway.errors import InvalidRequest, MalformedRequest, TooLarge
from gateway.prediction import Prediction

LABELS = ("acq", "crude", "earn")


def test_strings_and_objects_are_texts():
    body = kserve_v1.parse('{"instances": ["öl", {"text": "korn"}]}'.encode())
    assert kserve_v1.texts(body, 64, 10) == ["öl".encode(), b"korn"]
    assert (body.version, body.parameters.top_k) == (None, None)


@pytest.mark.parametrize("raw", [b"", b"{", b"text", b'{"instances": ["\xff"]}', b'{"instances": ["\\ud800"]}'])
def test_what_is_not_json_in_utf_8_is_malformed(raw):
    with pytest.raises(MalformedRequest, match="the body is not JSON in UTF-8"):
        kserve_v1.parse(raw)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ([], "the body must be an object"),
        ({}, "instances: Field required"),
        ({"instances": []}, "instances: at least one text is needed"),
        ({"instances": ["a"] * 65}, "instances: at most 64 at once"),
        ({"instances": "a"}, "instances: Input should be a valid array"),
        ({"instances": ["a", 7]}, 'instances.1: must be a string or an object {"text": "…"}'),
        ({"instances": [{"txt": "a"}]}, 'instances.0: must be a string or an object {"text": "…"}'),
        ({"instances": ["a"], "parameters": {"top_k": 0}}, "parameters.top_k: Input should be greater than or equal to 1"),
        ({"instances": ["a"], "parameters": {"top": 1}}, "parameters has a field that is not known"),
        ({"instances": ["a"], "version": "2"}, "version: Input should be a valid integer"),
    ],
)
def test_sentence_names_the_place(body, sentence):
    with pytest.raises(InvalidRequest) as caught:
        kserve_v1.parse(json.dumps(body).encode())
    assert caught.value.message.startswith(sentence)


def test_text_over_the_limit_is_too_large():
    with pytest.raises(TooLarge, match=r"instances\.1 has 6 bytes, at most 5 are allowed"):
        kserve_v1.texts(kserve_v1.parse(b'{"instances": ["short", "longer"]}'), 64, 5)


def test_more_instances_than_the_setting_allows_are_refused():
    with pytest.raises(InvalidRequest, match="instances: at most 2 at once"):
        kserve_v1.texts(kserve_v1.parse(b'{"instances": ["a", "b", "c"]}'), 2, 5)


def test_a_name_that_the_client_chose_is_not_repeated():
    with pytest.raises(InvalidRequest) as caught:
        kserve_v1.parse(b'{"instances": ["a"], "<script>": 1}')
    assert caught.value.message == "the body has a field that is not known; see /docs"


def test_best_label_without_top_k_and_a_ranked_list_with_it():
    prediction = Prediction(LABELS, [struct.pack("<3fi", 0.25, 0.125, 0.625, 9)], cut_at=9)
    assert json.loads(kserve_v1.render(prediction, None)) == {"predictions": [{"label": "earn", "score": 0.625}]}
    ranked = [{"label": "earn", "score": 0.625}, {"label": "acq", "score": 0.25}]
    assert json.loads(kserve_v1.render(prediction, 2)) == {"predictions": [ranked]}
    assert len(json.loads(kserve_v1.render(prediction, 9))["predictions"][0]) == len(LABELS)


def test_texts_that_were_cut_are_named_with_their_tokens():
    rows = [struct.pack("<3fi", 0.25, 0.125, 0.625, tokens) for tokens in (9, 812, 10)]
    assert json.loads(kserve_v1.render(Prediction(LABELS, rows, cut_at=9), None))["truncated"] == [
        {"instance": 1, "tokens": 812},
        {"instance": 2, "tokens": 10},
    ]
    assert "truncated" not in json.loads(kserve_v1.render(Prediction(LABELS, rows), None))
