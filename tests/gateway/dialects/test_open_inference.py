import json
import struct

import orjson
import pytest

from gateway.dialects.open_inference import http_body
from gateway.dialects.open_inference.request import InferRequest, Input, Parameters, Wanted
from gateway.dialects.open_inference.tensors import items, outputs, outputs_of
from gateway.errors import MalformedRequest, TooLarge
from gateway.request.bytes_tensor import packed, unpacked
from gateway.request.json_limits import JsonLimits
from gateway.request.prediction import Item, Prediction
from model_repository.postprocessing import QuestionAnswering

JSON_LIMITS = JsonLimits(max_depth=8, max_values=1000)
TEXT = {"name": "TEXT", "shape": [1, 1], "datatype": "BYTES"}


def column(name, *values):
    return Input(name, "BYTES", [len(values), 1], list(values))


def read(inputs, manifest, **limits):
    return items(inputs, manifest, **{"max_items": 8, "max_text_bytes": 100, **limits})


def row(*scores, tokens=5):
    return struct.pack(f"<{len(scores)}fi", *scores, tokens)


@pytest.fixture
def pairs(manifest):
    return manifest(task="question-answering", labels=(), postprocessing=QuestionAnswering())


def test_rows_of_all_inputs_become_items(manifest, pairs):
    assert read([column("TEXT", b"a", b"b")], manifest()) == [Item(b"a"), Item(b"b")]
    found = read([column("TEXT_PAIR", b"c", b"d"), column("TEXT", b"a", b"b"), column("PARAMETERS", b"", b'{"top_k": 2}')], pairs)
    assert found == [Item(b"a", b"c"), Item(b"b", b"d", b'{"top_k":2}')]


@pytest.mark.parametrize(
    "raw",
    [
        b"[1]",
        b"not json",
        b'{"a": NaN}',
        b'{"a": 123456789012345678901234567890}',
        b'{"a": "\\ud800"}',
        b"\xff",
        b"[" * 50_000,
        b'{"a": ' * 50_000,
    ],
    ids=lambda raw: repr(raw[:16]),
)
def test_parameters_that_have_no_one_way_to_be_written_stay_as_they_are(pairs, raw):
    [item] = read([column("TEXT", b"a"), column("TEXT_PAIR", b"b"), column("PARAMETERS", raw)], pairs, max_text_bytes=2**20)
    assert item.parameters == raw


def test_equal_parameters_become_equal_items(pairs):
    written = [b'{"top_k":2,"max_answer_length":5}', b' {"max_answer_length": 5,\n "top_k": 2} ']
    first, second = (read([column("TEXT", b"a"), column("TEXT_PAIR", b"b"), column("PARAMETERS", raw)], pairs) for raw in written)
    assert first == second
    [none] = read([column("TEXT", b"a"), column("TEXT_PAIR", b"b"), column("PARAMETERS", b"{}")], pairs)
    assert none.parameters == b""
    long = [column("TEXT", b"a"), column("TEXT_PAIR", b"b"), column("PARAMETERS", b" " * 2000 + written[0])]
    assert read(long, pairs, max_text_bytes=3000) == first


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ([], "TEXT must be there"),
        ([column("X", b"a")], "inputs.0: this model has no such input; it takes: TEXT"),
        ([column("TEXT", b"a"), column("TEXT", b"a")], "inputs.1: TEXT stands here a second time"),
        ([Input("TEXT", "INT32", [1, 1], [b"a"])], "must be of datatype BYTES"),
        ([Input("TEXT", "BYTES", [1], [b"a"])], r"must be of shape \[n, 1\]"),
        ([Input("TEXT", "BYTES", [1, 2], [b"a", b"b"])], r"must be of shape \[n, 1\]"),
        ([Input("TEXT", "BYTES", [0, 1], [])], "n is at least 1"),
        ([Input("TEXT", "BYTES", [-1, 1], [b"a"])], "n is at least 1"),
        ([Input("TEXT", "BYTES", [2, 1], [b"a"])], "has 1 elements, its shape says 2"),
        ([column("TEXT", *[b"a"] * 9)], "has 9 rows, at most 8 are allowed"),
    ],
)
def test_inputs_that_are_not_the_models_are_refused(manifest, inputs, sentence):
    with pytest.raises(MalformedRequest, match=sentence):
        read(inputs, manifest())


def test_inputs_of_different_lengths_and_long_texts_are_refused(pairs):
    with pytest.raises(MalformedRequest, match="TEXT_PAIR has 2 rows and TEXT has 1"):
        read([column("TEXT", b"a"), column("TEXT_PAIR", b"b", b"c")], pairs)
    with pytest.raises(TooLarge, match=r"TEXT_PAIR\.0 has 101 bytes"):
        read([column("TEXT", b"a"), column("TEXT_PAIR", b"b" * 101)], pairs)


def test_rows_become_tensors_with_the_reasons_of_failed_items(manifest):
    nan = float("nan")
    prediction = Prediction(manifest(), [row(0.25, 0.75), row(nan, nan, tokens=0)], errors={1: "not UTF-8"})
    scores, tokens, error = outputs(prediction, outputs_of([], manifest()))
    assert (scores.name, scores.datatype, scores.shape, scores.raw) == ("SCORES", "FP32", (2, 2), struct.pack("<4f", 0.25, 0.75, nan, nan))
    assert (tokens.name, tokens.datatype, tokens.shape, tokens.raw) == ("TOKENS", "INT32", (2, 1), struct.pack("<2i", 5, 0))
    assert (error.name, error.datatype, error.shape, unpacked(error.raw)) == ("ERROR", "BYTES", (2, 1), [b"", b"not UTF-8"])


def test_best_classes_are_texts_of_value_and_index_best_first(manifest):
    prediction = Prediction(manifest(), [row(0.25, 0.75), row(0.5, 0.125)])
    [best, tokens] = outputs(prediction, outputs_of([Wanted("SCORES", classes=1), Wanted("TOKENS", classes=4)], manifest()))
    assert (best.datatype, best.shape, unpacked(best.raw)) == ("BYTES", (2, 1), [b"0.750000:1", b"0.500000:0"])
    assert (tokens.datatype, tokens.shape, unpacked(tokens.raw)) == ("BYTES", (2, 1), [b"5:0", b"5:0"])


def test_outputs_are_given_once_in_the_order_asked_for(manifest):
    wanted = [Wanted("ERROR"), Wanted("SCORES"), Wanted("ERROR", binary=True)]
    assert [output.name for output in outputs_of(wanted, manifest())] == ["ERROR", "SCORES"]
    assert [output.name for output in outputs_of([], manifest())] == ["SCORES", "TOKENS", "ERROR"]


@pytest.mark.parametrize("wanted", [Wanted("ANSWER"), Wanted("ERROR", classes=1)])
def test_outputs_that_cannot_be_given_are_refused(manifest, wanted):
    with pytest.raises(MalformedRequest, match=r"outputs\.0"):
        outputs_of([wanted], manifest())


def http(inputs, binary=b"", **more):
    head = json.dumps({"inputs": inputs, **more}).encode()
    return http_body.parse(head + binary, str(len(head)) if binary else None, JSON_LIMITS)


def test_json_and_binary_inputs_say_the_same():
    as_json = http([{**TEXT, "data": ["Köln"]}])
    raw = packed(["Köln".encode()])
    as_bytes = http([{**TEXT, "parameters": {"binary_data_size": len(raw)}}], raw)
    assert as_json.inputs == as_bytes.inputs == [Input("TEXT", "BYTES", [1, 1], ["Köln".encode()])]
    assert http([{**TEXT, "data": [["Köln"]]}]).inputs == as_json.inputs


def test_json_and_binary_inputs_may_stand_beside_each_other():
    raw = packed([b"context"])
    request = http([{**TEXT, "name": "TEXT_PAIR", "parameters": {"binary_data_size": len(raw)}}, {**TEXT, "data": ["question"]}], raw)
    assert [one.values for one in request.inputs] == [[b"context"], [b"question"]]


def test_header_length_of_zero_makes_the_body_one_text_and_the_answer_binary():
    assert http_body.parse(b"a text", "0", JSON_LIMITS) == InferRequest([Input("TEXT", "BYTES", [1, 1], [b"a text"])], binary=True)


def test_each_output_is_json_or_binary_as_it_or_the_request_says():
    named = [
        {"name": "SCORES"},
        {"name": "ERROR", "parameters": {"binary_data": False}},
        {"name": "TOKENS", "parameters": {"classification": 2}},
    ]
    request = http([{**TEXT, "data": ["a"]}], outputs=named, parameters={"binary_data_output": True})
    assert request.outputs == [Wanted("SCORES", 0, True), Wanted("ERROR", 0, False), Wanted("TOKENS", 2, True)]


@pytest.mark.parametrize(
    ("body", "length", "sentence"),
    [
        (b"not json", None, "the body is not JSON"),
        (b"[]", None, "the body must be an object"),
        (b"{}", None, "inputs: Field required"),
        ({"inputs": [TEXT]}, None, "inputs.0: give either data or parameters.binary_data_size"),
        ({"inputs": [{**TEXT, "data": [7]}]}, None, "inputs.0.data: must be a list of strings"),
        ({"inputs": [{**TEXT, "data": [["a", "b"]]}]}, None, "inputs.0.data: must be a list of strings"),
        ({"inputs": [{**TEXT, "data": ["a"], "datatype": "INT32"}]}, None, "inputs.0.datatype"),
        ({"inputs": [{**TEXT, "parameters": {"binary_data_size": 9}}]}, None, "binary_data_size says 9 bytes and 0 are left"),
        ({"inputs": [{**TEXT, "parameters": {"shared_memory_region": "r"}}]}, None, "inputs.0: shared memory is not supported"),
        ({"inputs": [], "outputs": [{"name": "A", "parameters": {"shared_memory_region": "r"}}]}, None, "outputs.0: shared memory"),
        ({"inputs": [], "parameters": {"sequence_id": 3}}, None, "sequences are not supported"),
        ({"inputs": [], "parameters": {"timeout": -1}}, None, "parameters.timeout: must be a whole number"),
        ({"inputs": [], "parameters": {"timeout": 2**64}}, None, "parameters.timeout: must be a whole number from 0 up, of"),
        ({"inputs": [], "own": [[[[[[[[[]]]]]]]]]}, None, "the body is nested more than 8 levels deep"),
        (b'{"own": [[[[[[[[]]]]]]]]}rest', "25", "the body is nested more than 8 levels deep"),
        ({"inputs": [], "parameters": {"priority": "high"}}, None, "parameters.priority: must be a whole number"),
        ({"inputs": [], "parameters": {"triton_x": 1}}, None, "reserved"),
        ({"inputs": [], "parameters": {"own": None}}, None, "parameters: must be an object"),
        ({"inputs": [], "id": 5}, None, "id: Input should be a valid string"),
        (b"{}", "3", "from 0 to the body's 2 bytes"),
        (b"{}", "-1", "from 0 to the body's 2 bytes"),
        (b"{}", "9" * 5000, "from 0 to the body's 2 bytes"),
        (b'{"inputs": []}rest', "14", "4 bytes follow that no input speaks of"),
    ],
)
def test_bodies_that_cannot_be_read_are_refused_with_a_sentence(body, length, sentence):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(MalformedRequest) as error:
        http_body.parse(raw, length, JSON_LIMITS)
    assert sentence in error.value.message


def test_binary_tensor_that_ends_within_a_text_is_refused():
    with pytest.raises(MalformedRequest, match=r"inputs\.0: an element of 3 bytes is announced and 2 are left"):
        http([{**TEXT, "parameters": {"binary_data_size": 6}}], b"\x03\0\0\0ab")


def test_faults_do_not_repeat_what_the_client_sent():
    with pytest.raises(MalformedRequest) as error:
        http([{**TEXT, "data": ["a"], "datatype": "secret"}])
    assert "secret" not in error.value.message


def test_parameters_say_time_and_priority_and_others_change_nothing():
    assert Parameters.of({"timeout": 1500, "priority": 2, "own": "x"}) == Parameters(timeout_s=0.0015, priority=2)
    assert Parameters.of({"timeout": 0, "sequence_id": 0}) == Parameters()


def test_answer_is_rendered_as_json_with_binary_tensors_after_it(manifest):
    prediction = Prediction(manifest(), [row(0.25, 0.75), row(float("nan"), float("nan"))], errors={1: "Köln"})
    wanted = [Wanted("SCORES"), Wanted("TOKENS", binary=True), Wanted("ERROR")]
    body = http_body.render(InferRequest([], id="7"), prediction, wanted, outputs(prediction, wanted))
    head = orjson.loads(body.content[: body.json_bytes])
    assert (head["id"], head["model_name"], head["model_version"]) == ("7", "tiny", "1")
    assert head["outputs"] == [
        {"name": "SCORES", "datatype": "FP32", "shape": [2, 2], "data": [0.25, 0.75, None, None]},
        {"name": "TOKENS", "datatype": "INT32", "shape": [2, 1], "parameters": {"binary_data_size": 8}},
        {"name": "ERROR", "datatype": "BYTES", "shape": [2, 1], "data": ["", "Köln"]},
    ]
    assert body.content[body.json_bytes :] == struct.pack("<2i", 5, 5)


def test_answer_without_binary_tensors_has_no_header_length(manifest):
    prediction = Prediction(manifest(), [row(0.25, 0.75)])
    body = http_body.render(InferRequest([]), prediction, [Wanted("TOKENS")], outputs(prediction, [Wanted("TOKENS")]))
    assert (body.json_bytes, "id" in orjson.loads(body.content)) == (None, False)
