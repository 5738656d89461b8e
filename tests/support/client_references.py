"""What the calls of the client matrix must give, by transformers and sentence-transformers.

A call names the kind of its answer and what it was asked; the checkpoints of `tasks_repository`
are asked the same, without the gateway.
"""

from functools import cached_property

import numpy as np
from tasks_repository import MAX_LENGTH

TOLERANCE = 1e-4
LABELS = ["alna", "bero"]


class ClientReferences:
    """Compares the answers of clients with those of the checkpoints of tiny models."""

    def __init__(self, repository):
        self._repository = repository

    def check(self, gives, of, answer):
        """Raise AssertionError unless `answer` is what the checkpoints give."""
        if gives in ("true", "refusal"):
            assert answer, answer
        elif gives in ("labels", "zero-shot", "zero-shot, several", "entities", "answers"):
            self._check_scored(answer, self._scored(gives, of))
        elif gives == "ranking":
            self._check_scored(answer, self._ranking(*of))
        else:
            expected = {
                "embeddings": self._embeddings,
                "unit embeddings": self._unit_embeddings,
                "similarities": self._similarities,
                "scores": self._scores,
            }[gives](of)
            np.testing.assert_allclose(answer, expected, atol=TOLERANCE)

    @staticmethod
    def _check_scored(answer, expected):
        """Rows of names, places and a score: all but the scores are equal."""
        expected = expected[: len(answer)]
        assert [row[:-1] for row in answer] == [row[:-1] for row in expected]
        np.testing.assert_allclose([row[-1] for row in answer], [row[-1] for row in expected], atol=TOLERANCE)
        assert answer

    def _scored(self, gives, of):
        if gives == "labels":
            return [[one["label"], one["score"]] for one in self._classify(of, top_k=None, truncation=True)]
        if gives == "entities":
            return [[one["entity_group"], one["start"], one["end"], one["score"]] for one in self._find_entities(of)]
        if gives == "answers":
            question, context = of
            found = self._find_answer(question=question, context=context, max_seq_len=MAX_LENGTH, doc_stride=8, top_k=2)
            return [[one["answer"], one["start"], one["end"], one["score"]] for one in found]
        found = self._judge(of, LABELS, hypothesis_template="cona {}", multi_label=gives == "zero-shot, several")
        return [list(row) for row in zip(found["labels"], found["scores"], strict=True)]

    def _ranking(self, query, documents, top_n=None):
        scores = self._cross_encoder.predict([(query, document) for document in documents])
        return [[int(at), float(scores[at])] for at in np.argsort(-scores)[:top_n]]

    def _embeddings(self, texts):
        return self._encoder.encode(texts, batch_size=1)

    def _unit_embeddings(self, texts):
        vectors = self._embeddings(texts)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def _similarities(self, texts):
        source, *others = self._unit_embeddings(texts)
        return np.array(others) @ source

    def _scores(self, texts):
        order = self._classify.model.config.id2label.values()
        rows = [{one["label"]: one["score"] for one in self._classify(text, top_k=None, truncation=True)} for text in texts]
        return [[row[label] for label in order] for row in rows]

    def _pipeline(self, task, model, **options):
        from transformers import pipeline

        made = pipeline(task, self._repository.checkpoint(model), device="cpu", **options)
        made.tokenizer.model_max_length = MAX_LENGTH
        return made

    @cached_property
    def _classify(self):
        return self._pipeline("text-classification", "weather")

    @cached_property
    def _find_entities(self):
        return self._pipeline("token-classification", "entities", aggregation_strategy="simple")

    @cached_property
    def _find_answer(self):
        return self._pipeline("question-answering", "answers")

    @cached_property
    def _judge(self):
        return self._pipeline("zero-shot-classification", "zero-shot")

    @cached_property
    def _cross_encoder(self):
        from sentence_transformers import CrossEncoder

        return CrossEncoder(self._repository.checkpoint("ranker"), max_length=MAX_LENGTH, device="cpu")

    @cached_property
    def _encoder(self):
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

        transformer = Transformer(self._repository.checkpoint("raw-embeddings"), max_seq_length=MAX_LENGTH)
        pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode="cls")
        return SentenceTransformer(modules=[transformer, pooling], device="cpu")
