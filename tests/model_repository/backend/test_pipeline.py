"""A batch of texts goes in, rows in the same order come out, and each failure is one text's own."""

import numpy as np
import pytest
from headrace_backend.cost import fit
from headrace_backend.items import Item
from headrace_backend.pipeline import Pipeline
from headrace_backend.placement import Placement
from headrace_backend.session import Session
from headrace_backend.tasks import task_of
from headrace_backend.tokenizer import Fit, TextTokenizer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

MAX_LENGTH = 64
POISON = 40
"""Texts of this many tokens fail in `FaultySession`."""


class FaultySession(Session):
    """A session in which batches with a text of `POISON` tokens fail, as if memory ran out."""

    def run(self, windows):
        if any(len(window.ids) == POISON for window in windows):
            raise RuntimeError("out of memory")
        return super().run(windows)


class OverflowingSession(Session):
    """A session that gives no number for texts of `POISON` tokens, as half precision may."""

    def run(self, windows):
        (logits,) = super().run(windows)
        logits[[len(window.ids) == POISON for window in windows]] = np.nan
        return [logits]


class CountingSession(Session):
    runs = 0

    def run(self, windows):
        self.runs += 1
        return super().run(windows)


def pipeline_of(classifier, session=Session, max_batch=8, lone_session=None):
    task = task_of({"task": "text-classification", "labels": ["grain", "ship", "trade", "crude"]})
    tokenizer = TextTokenizer(classifier.tokenizer, Fit(MAX_LENGTH))
    # a launch that costs as much as 16 tokens, so that plans join some texts and not others
    seen = {(batch, length): 16 + batch * length for batch in (1, 2, 4, 8) for length in (8, 16, 32, 64)}
    cost = fit(seen, max_batch, MAX_LENGTH)
    return Pipeline(tokenizer, session(classifier.graph, Placement(), task.graph_outputs), task, cost, lone_session)


def items(texts):
    return [Item(text if isinstance(text, bytes) else text.encode()) for text in texts]


@pytest.fixture(scope="module")
def pipeline(classifier):
    return pipeline_of(classifier)


def test_only_the_text_of_a_call_that_has_one_is_a_lone_one(classifier):
    lone = CountingSession(classifier.graph, Placement(), ["logits"])
    pipeline = pipeline_of(classifier, lone_session=lone)
    pipeline.answer(items(["oil", "wheat " * 40]))  # two sub-batches of one text
    assert lone.runs == 0
    pipeline.answer(items(["oil"]))
    assert lone.runs == 1


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(texts=st.lists(st.text("wheatships oil", max_size=40), max_size=24))
def test_a_batch_is_answered_as_its_texts_are_alone_and_in_their_order(pipeline, texts):
    together = pipeline.answer(items(texts))
    alone = [pipeline.answer(items([text])).outputs["SCORES"][0] for text in texts]
    assert together.errors == [""] * len(texts)
    np.testing.assert_allclose(together.outputs["SCORES"], np.array(alone).reshape(len(texts), 4), atol=1e-5)


def test_answers_are_those_of_pytorch(pipeline, classifier):
    texts = ["wheat rose", "", "ship " * 50, "oil"]
    answers = pipeline.answer(items(texts))
    np.testing.assert_allclose(answers.outputs["SCORES"], [classifier.probabilities(text) for text in texts], atol=1e-4)


def test_a_text_that_breaks_its_sub_batch_fails_alone(classifier, caplog):
    texts = [b"oil " * n for n in (POISON - 3, POISON - 2, POISON - 2, 3)]  # and two special tokens
    answers = pipeline_of(classifier, FaultySession).answer(items(texts))
    assert answers.errors == ["", "The model failed on this text.", "The model failed on this text.", ""]
    assert np.isnan(answers.outputs["SCORES"]).all(axis=1).tolist() == [False, True, True, False]
    assert "out of memory" in caplog.text


def test_scores_that_are_no_numbers_are_an_error_of_their_text(classifier):
    answers = pipeline_of(classifier, OverflowingSession).answer(items([b"oil " * n for n in (POISON - 3, POISON - 2)]))
    assert answers.errors == ["", "The model gave no finite number for this text."]
    assert np.isnan(answers.outputs["SCORES"]).all(axis=1).tolist() == [False, True]


def test_a_batch_in_which_every_text_fails_is_answered(pipeline):
    answers = pipeline.answer(items([b"\xff", b"\xfe"]))
    assert all("UTF-8" in error for error in answers.errors)
    assert np.isnan(answers.outputs["SCORES"]).all()


def test_tokens_are_counted_before_a_text_is_cut(pipeline):
    answers = pipeline.answer(items(["wheat rose", "oil " * (MAX_LENGTH - 2), "oil " * 500, b"\xff"]))
    assert answers.tokens.tolist() == [4, MAX_LENGTH, 502, 0]
