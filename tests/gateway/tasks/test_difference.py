"""How answers differ, against numpy and by hand."""

import struct

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fakes.manifests import make_manifest
from gateway.tasks import task_of
from gateway.tasks.difference import Difference

LABELS = ("a", "b", "c", "d", "e")
scores = st.lists(st.floats(0, 1, width=32), min_size=5, max_size=5)


def numbers(values):
    return struct.pack(f"<{len(values)}f", *values) + b"\0\0\0\0"


def json_row(value):
    return orjson.dumps(value) + b"\0\0\0\0"


def of(task, one, two, **fields):
    manifest = make_manifest("m", 1, task=task, **fields)
    return task_of(manifest).difference(manifest, one, manifest, two)


@given(scores, scores)
def test_labels_flip_where_the_best_one_is_another(one, two):
    found = of("text-classification", numbers(one), numbers(two), labels=LABELS)
    a, b = np.float32(one), np.float32(two)
    assert found.flip == (int(a.argmax()) != int(b.argmax()))
    assert found.amount == pytest.approx(float(np.abs(a - b).max()), abs=1e-6)
    assert 0 <= found.overlap <= 1


def test_labels_are_compared_by_name_and_one_that_is_missing_is_0():
    before = make_manifest("m", 1, task="text-classification", labels=("no", "yes"))
    after = make_manifest("m", 2, task="text-classification", labels=("yes", "no", "maybe"))
    compare = task_of(before).difference
    assert compare(before, numbers([0.25, 0.75]), after, numbers([0.75, 0.25, 0.0]))[:3] == (False, 0.0, None)
    assert compare(before, numbers([0.25, 0.75]), after, numbers([0.25, 0.25, 0.5]))[:3] == (True, 0.5, None)


@given(st.lists(st.floats(-1, 1, width=32), min_size=8, max_size=8), st.lists(st.floats(-1, 1, width=32), min_size=8, max_size=8))
def test_embeddings_differ_by_their_angle(one, two):
    a, b = np.array(one), np.array(two)
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    wanted = min(1.0, max(0.0, 1 - a @ b / lengths)) if lengths > 1e-30 else None
    found = of("feature-extraction", numbers(one), numbers(two))
    assert found.flip is None
    if wanted is not None:
        assert found.amount == pytest.approx(wanted, abs=1e-6)


def test_embeddings_of_other_lengths_cannot_be_compared():
    with pytest.raises(ValueError, match="embeddings of 2 and of 3 numbers"):
        of("feature-extraction", numbers([1, 0]), numbers([1, 0, 0]))


def entity(start, label="PER"):
    return {"label": label, "score": 0.9, "start": start, "end": start + 3}


@pytest.mark.parametrize(
    ("one", "two", "wanted"),
    [
        ([], [], Difference(False, 0.0)),
        ([entity(0)], [entity(0) | {"score": 0.5}], Difference(False, 0.0)),
        ([entity(0)], [entity(0, "LOC")], Difference(True, 1.0)),
        ([entity(0), entity(9)], [entity(0)], Difference(True, 0.5)),
    ],
)
def test_entities_differ_by_spans_and_labels(one, two, wanted):
    assert of("token-classification", json_row(one), json_row(two)) == wanted


def test_of_an_answer_the_best_span_counts():
    one, two = [{"answer": "x", "start": 1, "end": 4, "score": 0.9}, {"start": 7, "end": 9}], [{"answer": "x", "start": 1, "end": 4}]
    assert of("question-answering", json_row(one), json_row(two)) == Difference(False, 0.0)
    assert of("question-answering", json_row(one), json_row(one[1:])) == Difference(True, 1.0)


def test_zero_shot_labels_are_compared_by_name():
    one, two = {"labels": ["x", "y"], "scores": [0.8, 0.2]}, {"labels": ["y", "x"], "scores": [0.6, 0.4]}
    assert of("zero-shot-classification", json_row(one), json_row(two))[:2] == (True, pytest.approx(0.4))


def test_scores_of_documents_differ_and_nothing_flips():
    assert of("text-ranking", numbers([0.75]), numbers([0.25])) == Difference(None, 0.5)


def test_the_best_labels_are_told():
    found = of("text-classification", numbers([0, 0, 0.5, 0.25, 0.25]), numbers([0.75, 0, 0, 0, 0.25]), labels=LABELS)
    assert (found.before, found.after) == (("c", 0.5), ("a", 0.75))


def test_one_number_alone_differs_by_itself():
    assert of("text-classification", numbers([0.25]), numbers([0.75]), labels=("score",)) == Difference(None, 0.5)
