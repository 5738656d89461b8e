import json

import pytest

from gateway.dialects.open_inference import generate
from gateway.dialects.open_inference.request import Input
from gateway.errors import MalformedRequest


@pytest.mark.parametrize("texts", ["a", ["a"], [["a"]]])
def test_an_input_is_a_text_or_a_list_of_texts(texts):
    assert generate.parse(json.dumps({"TEXT": texts}).encode()).inputs == [Input("TEXT", "BYTES", [1, 1], [b"a"])]


def test_other_fields_are_parameters():
    request = generate.parse(
        json.dumps({"TEXT": "a", "id": "7", "timeout": 2_000_000, "mine": "x", "parameters": {"priority": 2}}).encode()
    )
    assert (request.id, request.parameters.timeout_s, request.parameters.priority) == ("7", 2.0, 2)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ("nonsense", "the body is not JSON in UTF-8"),
        ("[]", 'the body must be an object such as {"TEXT": "…"}'),
        ('{"TEXT": 7}', "TEXT: must be a text or a list of texts"),
        ('{"TEXT": "a", "PARAMETERS": {}}', "PARAMETERS: must be a text or a list of texts"),
        ('{"TEXT": "a", "mine": null}', "fields beside the inputs are parameters"),
        ('{"TEXT": "a", "id": 7}', "id: Input should be a valid string"),
    ],
)
def test_what_triton_refuses_is_refused_with_a_sentence(raw, sentence):
    with pytest.raises(MalformedRequest) as caught:
        generate.parse(raw.encode())
    assert caught.value.message.startswith(sentence)


def test_a_stream_has_one_event():
    assert generate.event(b"{}") == b"data: {}\n\n"
