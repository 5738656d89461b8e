"""How large and how deeply nested bodies of requests may be; no answer repeats them."""

import json

import pytest

DEEP = b"[" * 9 + b"]" * 9


@pytest.fixture
def bounded(start_app):
    return start_app(max_json_depth=8, max_body_bytes=10_000)


@pytest.mark.parametrize(
    ("content", "status", "sentence"),
    [
        (b"[" * 5000, 400, "the body is nested more than 8 levels deep"),
        (b'{"instances": ' + DEEP + b"}", 400, "the body is nested more than 8 levels deep"),
        (b'{"instances": ["' + b"[" * 100 + b'"]}', 200, ""),
        (b" " * 10_001, 413, "the body has more than 10000 bytes"),
        (b'{"instances": ["a"], "<script>alert(1)</script>": 1}', 422, "has a field that is not known"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_bodies_over_a_limit_get_their_status_and_nothing_back_of_theirs(bounded, content, status, sentence):
    answer = bounded.post("/v1/models/topics:predict", content=content)
    assert (answer.status_code, sentence in answer.text, "script" in answer.text) == (status, True, False)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/v2/models/topics/infer", b'{"inputs": [], "parameters": {"x": %s}}' % DEEP),
        ("/v2/repository/index", b'{"ready": true, "x": %s}' % DEEP),
        ("/v1/embeddings", b'{"model": "topics", "input": %s}' % DEEP),
        ("/v1/models/topics:predictStream", DEEP),
        ("/v1/models/topics:predictStream?parameters=" + DEEP.decode(), b'"corn"'),
    ],
    ids=lambda value: str(value)[:40],
)
def test_json_is_nested_no_deeper_than_the_limit_whatever_the_dialect(bounded, path, content):
    answer = bounded.post(path, content=content)
    # of a stream the line alone fails
    assert (answer.status_code, json.loads(answer.text).get("status", 400)) in {(400, 400), (200, 400)}
    assert "is nested more than 8 levels deep" in answer.text


def test_binary_tensors_may_hold_any_brackets(bounded):
    text = b"[" * 100
    tensor = len(text).to_bytes(4, "little") + text
    head = b'{"inputs":[{"name":"TEXT","shape":[1,1],"datatype":"BYTES","parameters":{"binary_data_size":%d}}]}' % len(tensor)
    headers = {"Inference-Header-Content-Length": str(len(head))}
    assert bounded.post("/v2/models/topics/infer", content=head + tensor, headers=headers).status_code == 200
