"""Bytes in, rows out."""

import json
import struct

import pytest

from gateway.errors import BackendBroken, ItemFault, PackageReplaced
from gateway.request.bytes_tensor import packed, unpacked
from gateway.request.prediction import Item
from gateway.triton.binary_tensors import read_rows, write_request

OWN = bytes.fromhex("1" * 64)
"""The bytes of the digest that the manifests have."""


def answered(**contents):
    outputs = [{"name": name, "parameters": {"binary_data_size": len(raw)}} for name, raw in contents.items()]
    header = json.dumps({"model_name": "tiny", "outputs": outputs}).encode()
    return len(header), header + b"".join(contents.values())


def scores(*values):
    return struct.pack(f"<{len(values)}f", *values)


def tokens(*counts):
    return struct.pack(f"<{len(counts)}i", *counts)


def test_a_request_names_its_tensors_and_carries_them_in_order(manifest):
    version = manifest(task="question-answering", labels=(), postprocessing={})
    length, body = write_request(version, [Item(b"q", b"context"), Item(b"why?", b"c", b'{"top_k":2}')], {"timeout": 7})
    header = json.loads(body[:length])
    assert [(entry["name"], entry["datatype"], entry["shape"]) for entry in header["inputs"]] == [
        (name, "BYTES", [2, 1]) for name in ("TEXT", "TEXT_PAIR", "PARAMETERS")
    ]
    assert [entry["name"] for entry in header["outputs"]] == ["ANSWER", "TOKENS", "ERROR", "DIGEST"]
    assert header["parameters"] == {"timeout": 7}
    assert unpacked(body[length:]) == [b"q", b"why?", b"context", b"c", b"", b'{"top_k":2}']
    assert sum(entry["parameters"]["binary_data_size"] for entry in header["inputs"]) == len(body) - length


def test_a_model_that_is_configured_as_before_its_task_had_parameters_gets_none_unless_a_request_has_some(manifest):
    for parameters, expected in ((b"", ["TEXT"]), (b'{"function_to_apply":"none"}', ["TEXT", "PARAMETERS"])):
        length, body = write_request(manifest(), [Item(b"a", None, parameters)], {}, digest=False)
        assert [entry["name"] for entry in json.loads(body[:length])["inputs"]] == expected


def test_rows_are_cut_in_order_whatever_the_order_of_the_tensors(manifest):
    length, body = answered(DIGEST=OWN * 2, TOKENS=tokens(7, 300), ERROR=packed([b"", b""]), SCORES=scores(0.25, 0.75, 0.5, 0.5))
    assert [struct.unpack("<2fi", row) for row in read_rows(manifest(), 2, length, body)] == [(0.25, 0.75, 7), (0.5, 0.5, 300)]


def test_item_that_failed_gets_its_own_error_and_its_neighbours_their_rows(manifest):
    length, body = answered(
        SCORES=scores(1.0, float("nan"), 0.5), TOKENS=tokens(3, 0, 4), ERROR=packed([b"", b"not UTF-8", b""]), DIGEST=OWN * 3
    )
    first, second, third = read_rows(manifest(labels=("only",)), 3, length, body)
    assert (first, third) == (struct.pack("<fi", 1.0, 3), struct.pack("<fi", 0.5, 4))
    assert isinstance(second, ItemFault)
    assert (second.message, second.row[-4:]) == ("not UTF-8", tokens(0))


def test_json_answers_are_cut_in_order(manifest):
    version = manifest(task="token-classification", postprocessing={})
    length, body = answered(ANSWER=packed([b"[]", b'{"a":1}']), TOKENS=tokens(3, 4), ERROR=packed([b"", b""]), DIGEST=OWN * 2)
    assert read_rows(version, 2, length, body) == [b"[]" + tokens(3), b'{"a":1}' + tokens(4)]
    with pytest.raises(BackendBroken, match="answered 2 of ANSWER, expected 3"):
        read_rows(version, 3, length, body, digest=False)


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        (
            {"DIGEST": OWN * 2, "SCORES": scores(1.0, 0.0), "TOKENS": tokens(3, 3), "ERROR": packed([b"", b""])},
            "8 bytes of SCORES, expected 2 × 2 × 4",
        ),
        (
            {"DIGEST": OWN * 2, "SCORES": scores(1, 0, 0, 1), "TOKENS": tokens(3), "ERROR": packed([b"", b""])},
            "4 bytes of token counts, expected 2 × 4",
        ),
        ({"DIGEST": OWN * 2}, "0 bytes of SCORES"),
    ],
)
def test_tensors_of_another_size_break_the_contract(manifest, contents, sentence):
    with pytest.raises(BackendBroken, match=sentence):
        read_rows(manifest(), 2, *answered(**contents))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"outputs": [{"name": "SCORES"}]}', b'{"outputs": []}rest'])
def test_what_is_no_inference_answer_breaks_the_contract(manifest, body):
    with pytest.raises(BackendBroken):
        read_rows(manifest(), 1, body.find(b"rest") if b"rest" in body else len(body), body)


@pytest.mark.parametrize("said", [None, b"", OWN, OWN + bytes(32), bytes(32) + OWN, bytes(64), OWN * 3])
def test_an_answer_that_does_not_say_for_each_row_that_this_package_computed_it_is_none(manifest, said):
    contents = {} if said is None else {"DIGEST": said}
    length, body = answered(SCORES=scores(1, 0, 0, 1), TOKENS=tokens(3, 3), ERROR=packed([b"", b""]), **contents)
    with pytest.raises(PackageReplaced, match="version 1 of model tiny was replaced"):
        read_rows(manifest(), 2, length, body)
    assert len(read_rows(manifest(), 2, length, body, digest=False)) == 2
