"""Logits → probabilities, and the registry that finds the task."""

import numpy as np
import pytest
import torch
from headrace_backend.functions import sigmoid, softmax
from headrace_backend.tasks import TASKS, task_of
from headrace_backend.tasks.text_classification import TextClassification
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from model_repository import tasks, tensors
from model_repository.manifest import Manifest

finite = st.floats(-(2.0**100), 2.0**100, width=32)


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2), elements=finite))
def test_softmax_agrees_with_pytorch(logits):
    given_logits = logits.copy()
    np.testing.assert_allclose(softmax(logits), torch.tensor(logits).softmax(-1).numpy(), atol=1e-6)
    np.testing.assert_array_equal(logits, given_logits)


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2), elements=finite))
def test_sigmoid_agrees_with_pytorch(logits):
    assert sigmoid(logits).dtype == np.float32
    np.testing.assert_allclose(sigmoid(logits), torch.tensor(logits).sigmoid().numpy(), atol=1e-6)


def test_scores_have_a_column_for_each_label():
    task = task_of({"task": "text-classification", "labels": ["a", "b", "c"]})
    assert isinstance(task, TextClassification)
    assert task.widths == {tensors.SCORES: 3}
    scores = np.asarray(task.scores(task.finish([np.zeros((2, 3), np.float32)], [])))
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, np.full((2, 3), 1 / 3))


def test_the_backend_knows_every_task_that_a_manifest_can_name():
    assert set(TASKS) == set(tasks.TASKS) == set(Manifest.model_fields["task"].annotation.__args__)


def test_an_unknown_task_is_named_with_those_that_are_known():
    with pytest.raises(ValueError, match="not known") as error:
        task_of({"task": "astrology"})
    assert str(error.value) == f"Task astrology is not known; known are {', '.join(sorted(tasks.TASKS))}."
