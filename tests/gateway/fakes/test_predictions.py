"""What the fake predicts is valid for each task."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest
from gateway.fakes.manifests import make_manifest
from gateway.fakes.predictions import predict
from gateway.fakes.rows import pack_row
from gateway.request.prediction import Item
from model_repository.postprocessing import FeatureExtraction, TextClassification, TextRanking
from model_repository.tasks import TASKS

TEXTS = st.text()
LABELS = ("cold", "mild", "warm")


@given(TEXTS)
def test_scores_of_one_label_of_several_add_up_to_one(text):
    scores = predict(make_manifest("m", labels=LABELS), Item(text.encode()))
    assert len(scores) == 3
    assert math.isclose(sum(scores), 1)
    assert all(0 < score < 1 for score in scores)


def test_scores_of_labels_for_themselves_are_probabilities_and_a_regression_has_one_number():
    several = make_manifest("m", labels=LABELS, postprocessing=TextClassification(function="sigmoid"))
    assert all(0 < score < 1 for score in predict(several, Item(b"corn")))
    regression = make_manifest("m", labels=("value",), postprocessing=TextClassification(function="identity"))
    assert len(predict(regression, Item(b"corn"))) == 1


@given(TEXTS)
def test_embeddings_have_their_length(text):
    manifest = make_manifest("m", task="feature-extraction")
    assert math.isclose(math.hypot(*predict(manifest, Item(text.encode()))), 1)


def test_an_embedding_that_is_not_normalized_has_another_length():
    raw = FeatureExtraction(dimension=32, pooling="cls", normalize=False)
    assert not math.isclose(math.hypot(*predict(make_manifest("m", task="feature-extraction", postprocessing=raw), Item(b"a"))), 1)


def test_a_relevance_depends_on_both_texts():
    for function in ("sigmoid", "identity"):
        manifest = make_manifest("m", task="text-ranking", postprocessing=TextRanking(function=function))
        scores = {tuple(predict(manifest, Item(query, document))) for query in (b"a", b"b") for document in (b"a", b"b", b"")}
        assert len(scores) == 6


@given(TEXTS)
def test_entities_lie_in_the_text(text):
    for entity in predict(make_manifest("m", task="token-classification"), Item(text.encode())):
        assert entity["label"] == "NAME"
        assert text[entity["start"] : entity["end"]].split() == [text[entity["start"] : entity["end"]]]
        assert 0.5 < entity["score"] < 1


@given(TEXTS, st.integers(1, 5))
def test_spans_lie_in_the_context_best_first(context, top_k):
    item = Item(b"who?", context.encode(), json.dumps({"top_k": top_k}).encode())
    spans = predict(make_manifest("m", task="question-answering"), item)
    assert len(spans) == min(top_k, len(context.split()))
    assert [context[span["start"] : span["end"]] for span in spans] == [span["answer"] for span in spans]
    assert sorted((span["score"] for span in spans), reverse=True) == [span["score"] for span in spans]


@pytest.mark.parametrize("multi_label", [False, True])
def test_candidate_labels_are_ranked(multi_label):
    parameters = {"candidate_labels": list(LABELS), "multi_label": multi_label}
    answer = predict(make_manifest("m", task="zero-shot-classification"), Item(b"corn", None, json.dumps(parameters).encode()))
    assert sorted(answer["labels"]) == sorted(LABELS)
    assert sorted(answer["scores"], reverse=True) == answer["scores"]
    assert math.isclose(sum(answer["scores"]), 1) is not multi_label


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_rows(task):
    parameters = b'{"candidate_labels": ["a", "b"]}' if task == "zero-shot-classification" else b""
    manifest, item = make_manifest("m", task=task), Item(b"some words", b"and more", parameters)
    assert predict(manifest, item) == predict(manifest, item)
    assert pack_row(manifest, predict(manifest, item), 4)[-4:] == b"\4\0\0\0"


@pytest.mark.parametrize("task", TASKS)
def test_a_text_that_is_not_utf_8_is_refused(task):
    with pytest.raises(InvalidRequest, match="not valid UTF-8: byte 0"):
        predict(make_manifest("m", task=task), Item(b"\xff", b"\xff"))
