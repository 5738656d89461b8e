"""Every task through the gateway is answered as by transformers and sentence-transformers.

Computed and cached answers are the same.
"""

import uuid

import httpx
import numpy as np
import pytest
from gateway_process import wait_until
from tasks_repository import KINDS

from model_repository.tasks import TASKS

pytestmark = pytest.mark.integration
MAX_LENGTH = 24


@pytest.fixture
def ask(tasks_gateway):
    """Asks a model for predictions.

    Each question is repeated until the cache answers it, and the answer must be the same.
    """

    def post(model, *instances, headers=None, **body):
        url = f"{tasks_gateway.url}/v1/models/{model}:predict"
        return httpx.post(url, json={"instances": list(instances), **body}, headers=headers, timeout=30)

    def ask(model, *instances, **body):
        computed = post(model, *instances, headers={"Cache-Control": "no-cache"}, **body)
        assert computed.status_code == 200, computed.text
        assert computed.headers["x-cache"] == "bypass"
        cached = []
        wait_until(lambda: cached.append(post(model, *instances, **body)) or cached[-1].headers["x-cache"] == "hit")
        assert cached[-1].content == computed.content
        return computed.json()["predictions"]

    ask.raw = post
    return ask


def test_a_model_of_every_task_is_served():
    assert {kind.task for kind in KINDS.values()} == set(TASKS)


def pipeline(repository, task, model, **options):
    from transformers import pipeline

    made = pipeline(task, repository.checkpoint(model), device="cpu", **options)
    made.tokenizer.model_max_length = MAX_LENGTH
    return made


def test_text_classification(ask, tasks_repository):
    texts = tasks_repository.texts[:6]
    expected = pipeline(tasks_repository, "text-classification", "weather", top_k=None, truncation=True)(texts)
    ranked = ask("weather", *texts, parameters={"top_k": 3})
    assert [[one["label"] for one in row] for row in ranked] == [[one["label"] for one in row] for row in expected]
    for row, reference in zip(ranked, expected, strict=True):
        np.testing.assert_allclose([one["score"] for one in row], [one["score"] for one in reference], atol=1e-4)
    assert ask("weather", *texts) == [row[0] for row in ranked]


def test_multi_label_classification(ask, tasks_repository):
    texts = tasks_repository.texts[:12]
    expected = pipeline(tasks_repository, "text-classification", "moods", top_k=None, truncation=True)(texts)
    thresholds = {"wet": 0.4, "grey": 0.5, "dark": 0.5}
    held = [[one["label"] for one in row if one["score"] >= thresholds[one["label"]]] for row in expected]
    assert [[one["label"] for one in row] for row in ask("moods", *texts)] == held
    assert len({len(row) for row in held}) > 1


def test_pairs_of_texts(ask, tasks_repository):
    pairs = [{"text": a, "text_pair": b} for a, b in zip(tasks_repository.texts[:5], tasks_repository.texts[5:10], strict=True)]
    classify = pipeline(tasks_repository, "text-classification", "entailment", truncation=True)
    expected = [classify(pair) for pair in pairs]
    answers = ask("entailment", *pairs)
    assert [one["label"] for one in answers] == [one["label"] for one in expected]
    np.testing.assert_allclose([one["score"] for one in answers], [one["score"] for one in expected], atol=1e-4)


@pytest.mark.parametrize("strategy", [None, "none", "first", "max", "average"])
def test_token_classification(ask, tasks_repository, strategy):
    texts = tasks_repository.texts[:5]
    named = "entity" if strategy == "none" else "entity_group"
    expected = pipeline(tasks_repository, "token-classification", "entities", aggregation_strategy=strategy or "simple")(texts)
    answers = ask("entities", *texts, parameters={"aggregation_strategy": strategy} if strategy else {})
    for entities, reference in zip(answers, expected, strict=True):
        assert [(e["label"], e["start"], e["end"]) for e in entities] == [(e[named], e["start"], e["end"]) for e in reference]
        np.testing.assert_allclose([e["score"] for e in entities], [e["score"] for e in reference], atol=1e-4)


def embeddings(repository, model, texts, version=1, *, pooling="mean", normalize=True):
    from sentence_transformers import SentenceTransformer, models

    transformer = models.Transformer(repository.checkpoint(model, version), max_seq_length=MAX_LENGTH)
    modules = [transformer, models.Pooling(transformer.get_word_embedding_dimension(), pooling_mode=pooling)]
    return SentenceTransformer(modules=[*modules, *([models.Normalize()] if normalize else [])], device="cpu").encode(texts)


@pytest.mark.parametrize("version", [1, 2])
def test_feature_extraction(ask, tasks_repository, version):
    texts = tasks_repository.texts[:6]
    answers = ask("embeddings", *texts, version=version)
    np.testing.assert_allclose(answers, embeddings(tasks_repository, "embeddings", texts, version), atol=1e-4)


def test_feature_extraction_without_normalization(ask, tasks_repository):
    texts = tasks_repository.texts[:6]
    expected = embeddings(tasks_repository, "raw-embeddings", texts, pooling="cls", normalize=False)
    np.testing.assert_allclose(ask("raw-embeddings", *texts), expected, atol=1e-4)


def test_text_ranking_sorts_the_documents_of_each_query(ask, tasks_repository):
    from sentence_transformers import CrossEncoder

    query, *documents = tasks_repository.texts[:8]
    scores = CrossEncoder(tasks_repository.checkpoint("ranker"), max_length=MAX_LENGTH, device="cpu").predict(
        [(query, d) for d in documents]
    )
    one, other = ask("ranker", {"query": query, "documents": documents}, {"query": query, "documents": documents[:2]})
    assert [entry["index"] for entry in one] == list(np.argsort(-scores))
    np.testing.assert_allclose([entry["score"] for entry in one], -np.sort(-scores), atol=1e-4)
    assert len(other) == 2
    assert ask("ranker", {"query": query, "documents": documents}, parameters={"top_k": 2}) == [one[:2]]


def test_question_answering(ask, tasks_repository):
    answer = pipeline(tasks_repository, "question-answering", "answers")
    contexts = [" ".join(tasks_repository.texts[at : at + 4]) for at in (0, 4, 8)]
    expected = [answer(question="alna bero", context=context, max_seq_len=MAX_LENGTH, doc_stride=8, top_k=3) for context in contexts]
    questions = [{"question": "alna bero", "context": context} for context in contexts]
    three = ask("answers", *questions, parameters={"top_k": 3})
    for spans, reference in zip(three, expected, strict=True):
        assert [(s["answer"], s["start"], s["end"]) for s in spans] == [(s["answer"], s["start"], s["end"]) for s in reference]
        np.testing.assert_allclose([s["score"] for s in spans], [s["score"] for s in reference], atol=1e-4)
    assert [[spans[0]["answer"]] for spans in three] == [[span["answer"] for span in spans] for spans in ask("answers", *questions)]


@pytest.mark.parametrize("multi_label", [False, True])
def test_zero_shot_classification(ask, tasks_repository, multi_label):
    texts, labels = tasks_repository.texts[:4], ["alna", "bero", "cota"]
    classify = pipeline(tasks_repository, "zero-shot-classification", "zero-shot")
    expected = classify(texts, labels, hypothesis_template="cona {}", multi_label=multi_label)
    answers = ask("zero-shot", *texts, parameters={"candidate_labels": labels, "multi_label": multi_label})
    for answer, reference in zip(answers, expected, strict=True):
        assert answer["labels"] == reference["labels"]
        np.testing.assert_allclose(answer["scores"], reference["scores"], atol=1e-4)


def test_texts_that_were_cut_are_named_if_the_model_cuts(ask, tasks_repository):
    short, long = tasks_repository.texts[0], " ".join(tasks_repository.texts[:4])
    for status in ("no-cache", "max-age=60"):
        cut = ask.raw("weather", short, long, headers={"Cache-Control": status}).json()["truncated"]
        assert [(one["instance"], one["tokens"] > MAX_LENGTH) for one in cut] == [(1, True)]
    ranked = ask.raw("ranker", {"query": short, "documents": [short[:9]]}, {"query": short, "documents": [short[:4], long]}).json()
    assert [one["instance"] for one in ranked["truncated"]] == [1]
    assert "truncated" not in ask.raw("answers", {"question": "alna", "context": long}).json()


@pytest.mark.parametrize(
    ("model", "instance", "parameters", "status", "sentence"),
    [
        ("weather", {"question": "a", "context": "b"}, {}, 422, 'a model for text-classification takes {"text": "…"}'),
        ("entailment", "a", {}, 422, 'takes {"text": "…", "text_pair": "…"}'),
        ("ranker", {"query": "a", "documents": []}, {}, 422, "from 1 to 65536"),
        ("embeddings", "a", {"top_k": 2}, 422, "does not take it; it takes: input_type, normalize, prompt_name"),
        ("entities", "a", {"aggregation_strategy": "best"}, 422, "aggregation_strategy must be one of none, simple"),
        ("zero-shot", "a", {}, 422, "candidate_labels"),
        ("zero-shot", "a", {"candidate_labels": ["x", "x"]}, 422, "names a label twice"),
        ("zero-shot", "a", {"candidate_labels": ["x"], "hypothesis_template": "none"}, 422, "hypothesis_template must contain {}"),
        ("answers", {"question": "a", "context": "b"}, {"max_answer_length": 0}, 422, "greater than or equal to 1"),
    ],
)
def test_inputs_that_a_task_does_not_take_are_refused_with_a_sentence(ask, model, instance, parameters, status, sentence):
    answer = ask.raw(model, instance, parameters=parameters)
    assert (answer.status_code, sentence in answer.json()["error"]) == (status, True), answer.text


def test_only_parameters_that_change_a_row_are_part_of_its_key(ask, tasks_repository):
    text = uuid.uuid4().hex
    ask("weather", text)
    assert ask.raw("weather", text, parameters={"top_k": 2}).headers["x-cache"] == "hit"
    ask("zero-shot", text, parameters={"candidate_labels": ["alna", "bero"], "multi_label": True})
    same = {"multi_label": True, "candidate_labels": ["alna", "bero"]}
    assert ask.raw("zero-shot", text, parameters=same).headers["x-cache"] == "hit"
    assert ask.raw("zero-shot", text, parameters={**same, "multi_label": False}).headers["x-cache"] == "miss"
