import json
import re
import struct

import pytest

from gateway.dialects import kserve_v1
from gateway.errors import InvalidRequest, MalformedRequest, TooLarge
from gateway.request.prediction import Item, Prediction
from gateway.request.request_limits import MAX_ITEMS
from gateway.tasks import task_of

LABELS = ("acq", "crude", "earn")


@pytest.fixture
def classifier(manifest):
    return manifest(labels=LABELS, max_length=9)


def items(body, manifest, max_text_bytes=100):
    parsed = kserve_v1.parse(body if isinstance(body, bytes) else json.dumps(body).encode())
    return kserve_v1.items(parsed, manifest.task, task_of(manifest), max_text_bytes)


def rendered(manifest, rows, sizes=None, **parameters):
    prediction = Prediction(manifest, rows)
    return json.loads(kserve_v1.render(prediction, task_of(manifest), parameters, sizes or [1] * len(rows)))


def test_strings_and_objects_are_texts(classifier):
    assert items({"instances": ["öl", {"text": "korn"}]}, classifier) == [[Item("öl".encode())], [Item(b"korn")]]
    body = kserve_v1.parse(b'{"instances": ["a"]}')
    assert (body.version, kserve_v1.given(body.parameters)) == (None, {})


@pytest.mark.parametrize(
    ("task", "postprocessing", "instance", "parameters", "expected"),
    [
        ("text-classification", {"text_pair": True}, {"text": "a", "text_pair": "b"}, {"top_k": 2}, [Item(b"a", b"b")]),
        ("feature-extraction", {"dimension": 3, "pooling": "mean", "normalize": True}, "a", {}, [Item(b"a")]),
        ("text-ranking", {}, {"query": "q", "documents": ["a", "b"]}, {"top_k": 1}, [Item(b"q", b"a"), Item(b"q", b"b")]),
        ("question-answering", {}, {"question": "q", "context": "c"}, {"top_k": 2}, [Item(b"q", b"c", b'{"top_k":2}')]),
        ("token-classification", {}, "a", {"aggregation_strategy": "max"}, [Item(b"a", None, b'{"aggregation_strategy":"max"}')]),
        (
            "zero-shot-classification",
            {"entailment": 0, "contradiction": 2},
            "a",
            {"multi_label": True, "candidate_labels": ["x", "y"]},
            [Item(b"a", None, b'{"candidate_labels":["x","y"],"multi_label":true}')],
        ),
    ],
)
def test_each_task_makes_items_of_its_instances(manifest, task, postprocessing, instance, parameters, expected):
    version = manifest(task=task, labels=LABELS, postprocessing=postprocessing)
    assert items({"instances": [instance], "parameters": parameters}, version) == [expected]


def test_an_instance_of_another_task_is_refused_with_an_example(manifest, classifier):
    with pytest.raises(InvalidRequest, match=re.escape('instances.1: a model for text-classification takes {"text": "…"}')):
        items({"instances": ["a", {"question": "q", "context": "c"}]}, classifier)
    with pytest.raises(InvalidRequest, match=re.escape('takes {"query": "…", "documents": ["…"]}')):
        items({"instances": ["a"]}, manifest(task="text-ranking", labels=(), postprocessing={}))


def test_a_parameter_of_another_task_is_refused_with_those_there_are(classifier):
    with pytest.raises(
        InvalidRequest,
        match=r"parameters\.multi_label: a model for text-classification does not take it; it takes: function_to_apply, top_k",
    ):
        items({"instances": ["a"], "parameters": {"multi_label": True}}, classifier)


def test_zero_shot_needs_labels(manifest):
    version = manifest(task="zero-shot-classification", labels=(), postprocessing={"entailment": 0, "contradiction": 2})
    with pytest.raises(InvalidRequest, match="candidate_labels: this model needs the labels"):
        items({"instances": ["a"]}, version)


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
        ({"instances": ["a"] * (MAX_ITEMS + 1)}, "instances: at most 65536 at once"),
        ({"instances": "a"}, "instances: Input should be a valid array"),
        ({"instances": ["a", 7]}, 'instances.1: must be a string, or an object such as {"text": "…"}'),
        ({"instances": [{"txt": "a"}]}, 'instances.0: must be a string, or an object such as {"text": "…"}'),
        ({"instances": [{"query": "a", "documents": []}]}, "instances.0.documents: from 1 to 65536"),
        ({"instances": ["a"], "parameters": {"top_k": 0}}, "parameters.top_k: Input should be greater than or equal to 1"),
        (
            {"instances": ["a"], "parameters": {"top_k": 1e30}},
            "parameters.top_k: Input should be less than or equal to 9223372036854775807",
        ),
        ({"instances": ["a"], "version": 2**63}, "version: Input should be less than or equal to 9223372036854775807"),
        ({"instances": ["a"], "parameters": {"top": 1}}, "parameters.top: there is no such field; see /docs"),
        ({"instances": ["a"], "version": "2"}, "version: Input should be a valid integer"),
    ],
)
def test_sentence_names_the_place(body, sentence):
    with pytest.raises(InvalidRequest) as caught:
        kserve_v1.parse(json.dumps(body).encode())
    assert caught.value.message.startswith(sentence)


def test_text_over_the_limit_is_too_large(classifier):
    with pytest.raises(TooLarge, match=r"instances\.1 has 6 bytes, at most 5 are allowed"):
        items(b'{"instances": ["short", "longer"]}', classifier, max_text_bytes=5)


def test_a_name_that_the_client_chose_is_not_repeated():
    with pytest.raises(InvalidRequest) as caught:
        kserve_v1.parse(b'{"instances": ["a"], "<script>": 1}')
    assert caught.value.message == "the body has a field that is not known; see /docs"


def test_best_label_without_top_k_and_a_ranked_list_with_it(classifier):
    rows = [struct.pack("<3fi", 0.25, 0.125, 0.625, 9)]
    assert rendered(classifier, rows) == {"predictions": [{"label": "earn", "score": 0.625}]}
    ranked = [{"label": "earn", "score": 0.625}, {"label": "acq", "score": 0.25}]
    assert rendered(classifier, rows, top_k=2) == {"predictions": [ranked]}
    assert len(rendered(classifier, rows, top_k=9)["predictions"][0]) == len(LABELS)


def test_labels_that_hold_at_once_are_those_above_their_thresholds(manifest):
    rows = [struct.pack("<3fi", 0.5, 0.875, 0.625, 9)]
    labels = [{"label": "crude", "score": 0.875}, {"label": "earn", "score": 0.625}, {"label": "acq", "score": 0.5}]
    assert rendered(manifest(labels=LABELS, postprocessing={"function": "sigmoid"}), rows) == {"predictions": [labels]}
    strict = manifest(labels=LABELS, postprocessing={"function": "sigmoid", "thresholds": (0.6, 0.6, 0.7)})
    assert rendered(strict, rows) == {"predictions": [labels[:1]]}
    assert rendered(manifest(labels=LABELS, postprocessing={"function": "identity"}), rows) == {"predictions": [labels]}


def test_documents_are_sorted_by_score_within_their_query(manifest):
    version = manifest(task="text-ranking", labels=(), postprocessing={})
    rows = [struct.pack("<fi", score, 9) for score in (0.25, 0.75, 0.5, 0.125)]
    first = [{"index": 1, "score": 0.75}, {"index": 2, "score": 0.5}, {"index": 0, "score": 0.25}]
    assert rendered(version, rows, [3, 1])["predictions"] == [first, [{"index": 0, "score": 0.125}]]
    assert rendered(version, rows, [3, 1], top_k=1)["predictions"] == [first[:1], [{"index": 0, "score": 0.125}]]


def test_embeddings_and_json_answers_are_shown_as_they_are(manifest):
    embedding = manifest(task="feature-extraction", labels=(), postprocessing={"dimension": 2, "pooling": "mean", "normalize": True})
    assert rendered(embedding, [struct.pack("<2fi", 0.5, -0.25, 9)]) == {"predictions": [[0.5, -0.25]]}
    entities = manifest(task="token-classification", labels=LABELS, postprocessing={})
    assert rendered(entities, [b'[{"label":"acq"}]' + struct.pack("<i", 9)]) == {"predictions": [[{"label": "acq"}]]}


def test_instances_that_were_cut_are_named_with_their_tokens(manifest, classifier):
    rows = [struct.pack("<3fi", 0.25, 0.125, 0.625, tokens) for tokens in (9, 812, 10)]
    assert rendered(classifier, rows)["truncated"] == [{"instance": 1, "tokens": 812}, {"instance": 2, "tokens": 10}]
    whole = manifest(labels=LABELS, max_length=9, windows={"stride": 2})
    assert "truncated" not in rendered(whole, rows)
    ranking = manifest(task="text-ranking", labels=(), max_length=9, postprocessing={})
    rows = [struct.pack("<fi", 0.5, tokens) for tokens in (9, 10, 812, 9)]
    assert rendered(ranking, rows, [1, 3])["truncated"] == [{"instance": 1, "tokens": 812}]


@pytest.mark.parametrize("more", [{"parameters": None}, {"version": None}, {"unheard_of": None}, {"signature_name": "serving_default"}])
def test_null_counts_as_absent_and_tensorflow_servings_signature_changes_nothing(more):
    body = kserve_v1.parse(json.dumps({"instances": ["a"], **more}).encode())
    assert (kserve_v1.given(body.parameters), body.version) == ({}, None)
    assert kserve_v1.given(kserve_v1.parse(b'{"instances": ["a"], "parameters": {"top_k": null, "unheard_of": null}}').parameters) == {}
