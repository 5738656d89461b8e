"""Hugging Face's pipelines as `huggingface_hub.InferenceClient` asks for them.

A body is `{"inputs": …, "parameters": …}`; the model's task says what both hold. Embedding and
ranking models take TEI's bodies on the same path, as a TEI server does at its root.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from pydantic import TypeAdapter

from gateway.dialects import tei
from gateway.dialects.ask import Ask
from gateway.dialects.hugging_face_bodies import (
    QUESTION,
    TEXTS,
    TEXTS_OR_PAIRS,
    AnswerBody,
    AnswerParameters,
    ClassificationBody,
    ClassificationParameters,
    EntityBody,
    EntityParameters,
    TextPair,
    ZeroShotBody,
)
from gateway.dialects.json_body import parse
from gateway.dialects.texts import encoded
from gateway.dialects.truncation import require_one_window
from gateway.errors import InvalidRequest
from gateway.request.prediction import Item, Prediction
from gateway.request.row import value_of
from gateway.tasks import text_classification, token_classification
from gateway.tasks.task import canonical
from gateway.tasks.text_classification import ranked
from model_repository.manifest import Manifest

_CLASSIFICATION = TypeAdapter(ClassificationBody)
_ENTITIES = TypeAdapter(EntityBody)
_QUESTION_ANSWERING = TypeAdapter(AnswerBody)
_ZERO_SHOT = TypeAdapter(ZeroShotBody)


LISTS_SINCE = (1, 1, 5)
"""The first release of huggingface_hub that reads zero-shot-classification's answer as a list."""
_HUB = re.compile(r"\bhf_hub/(\d{1,9})\.(\d{1,9})\.(\d{1,9})")


def reads_labels_and_scores(user_agent: str) -> bool:
    """Whether a client reads `{"labels", "scores"}` of zero-shot-classification.

    That is huggingface_hub before `LISTS_SINCE`, which names itself in `User-Agent`; the Hugging
    Face API and all other clients have lists.
    """
    found = _HUB.search(user_agent)
    return found is not None and tuple(map(int, found.groups())) < LISTS_SINCE


def ask(raw: bytes, manifest: Manifest, max_text_bytes: int, *, labels_and_scores: bool = False) -> Ask:
    """What the body asks of a model of this task.

    `labels_and_scores` is the older of two forms of zero-shot-classification's answers.

    Raises:
        GatewayError: the body is not a request for this task, or the model cannot obey it.
    """
    if manifest.task == "zero-shot-classification":
        return _ask_zero_shot(raw, manifest, max_text_bytes, labels_and_scores)
    if (found := _ASKS.get(manifest.task)) is None:
        raise InvalidRequest(f"this path has no form for {manifest.task}; ask at /v1/models/{manifest.model}:predict")
    return found(raw, manifest, max_text_bytes)


def _ask_embedding(raw: bytes, manifest: Manifest, max_text_bytes: int) -> Ask:
    return (tei.ask_similarity if _compares(raw) else tei.ask_embed)(raw, manifest, max_text_bytes)


def _compares(raw: bytes) -> bool:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return False  # whoever reads the body raises this fault
    return isinstance(body, dict) and isinstance(body.get("inputs"), dict)


def _ask_classification(raw: bytes, manifest: Manifest, max_text_bytes: int) -> Ask:
    body = parse(_CLASSIFICATION, raw, TEXTS_OR_PAIRS)
    given, settings = body.parameters or ClassificationParameters(), text_classification.settings_of(manifest)
    options = text_classification.options_of(manifest, given.function_to_apply)
    inputs = body.inputs if isinstance(body.inputs, list) else [body.inputs]
    sequences = [(one.text, one.text_pair) if isinstance(one, TextPair) else (one,) for one in inputs]
    if any((len(texts) == 2) != settings.text_pair for texts in sequences):
        raise InvalidRequest(f"inputs: this model takes {'pairs {text, text_pair}' if settings.text_pair else 'single texts'}")
    encoded_sequences = [[encoded(text, f"inputs.{i}", max_text_bytes) for text in texts] for i, texts in enumerate(sequences)]
    items = [Item(texts[0], texts[1] if len(texts) > 1 else None, options) for texts in encoded_sequences]

    def render(prediction: Prediction) -> list[Any]:
        return [[score._asdict() for score in ranked(row, manifest.labels)[: given.top_k]] for row in prediction.rows]

    return Ask(items, render)


def _ask_entities(raw: bytes, manifest: Manifest, max_text_bytes: int) -> Ask:
    body = parse(_ENTITIES, raw, TEXTS)
    given = body.parameters or EntityParameters()
    strategy, ignored = given.aggregation_strategy, frozenset(given.ignore_labels or ())
    if given.ignore_labels is not None and "O" not in ignored:
        raise InvalidRequest('parameters.ignore_labels: what is outside of all entities is never answered; add "O" or leave it out')
    settings = token_classification.settings_of(manifest)
    named = "entity" if (strategy or settings.aggregation_strategy) == "none" else "entity_group"
    parameters = canonical({} if strategy is None else {"aggregation_strategy": strategy})
    texts = [body.inputs] if isinstance(body.inputs, str) else body.inputs

    def of_text(text: str, entities: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [
            {named: e["label"], "score": e["score"], "word": text[e["start"] : e["end"]], "start": e["start"], "end": e["end"]}
            for e in entities
            if e["label"] not in ignored
        ]

    def render(prediction: Prediction) -> list[Any]:
        if given.stride is not None:
            require_one_window(prediction, "parameters.stride", manifest.max_length)
        found = [of_text(text, orjson.loads(value_of(row))) for text, row in zip(texts, prediction.rows, strict=True)]
        return found[0] if isinstance(body.inputs, str) else found

    return Ask([Item(encoded(text, f"inputs.{i}", max_text_bytes), None, parameters) for i, text in enumerate(texts)], render)


def _ask_question_answering(raw: bytes, manifest: Manifest, max_text_bytes: int) -> Ask:
    body = parse(_QUESTION_ANSWERING, raw, QUESTION)
    given = body.parameters or AnswerParameters()
    named = {"top_k": given.top_k, "max_answer_length": given.max_answer_len, "handle_impossible_answer": given.handle_impossible_answer}
    parameters = canonical({name: value for name, value in named.items() if value is not None})
    question = encoded(body.inputs.question, "inputs.question", max_text_bytes)
    context = encoded(body.inputs.context, "inputs.context", max_text_bytes)

    def render(prediction: Prediction) -> Any:
        if given.max_seq_len is not None:
            require_one_window(prediction, "parameters.max_seq_len", given.max_seq_len)
        if given.doc_stride is not None:
            require_one_window(prediction, "parameters.doc_stride", given.max_seq_len or manifest.max_length)
        answers = orjson.loads(value_of(prediction.rows[0]))
        return answers if (given.top_k or 1) > 1 else answers[0] if answers else {"answer": "", "start": 0, "end": 0, "score": 0.0}

    return Ask([Item(question, context, parameters)], render)


def _ask_zero_shot(raw: bytes, manifest: Manifest, max_text_bytes: int, labels_and_scores: bool) -> Ask:
    body = parse(_ZERO_SHOT, raw, TEXTS)
    parameters = canonical(body.parameters.model_dump(exclude_none=True))
    texts = [body.inputs] if isinstance(body.inputs, str) else body.inputs

    def answer(text: str, labels: list[str], scores: list[float]) -> Any:
        if labels_and_scores:
            return {"sequence": text, "labels": labels, "scores": scores}
        return [{"label": label, "score": score} for label, score in zip(labels, scores, strict=True)]

    def render(prediction: Prediction) -> Any:
        found = [answer(text, **orjson.loads(value_of(row))) for text, row in zip(texts, prediction.rows, strict=True)]
        return found[0] if isinstance(body.inputs, str) else found

    return Ask([Item(encoded(text, f"inputs.{i}", max_text_bytes), None, parameters) for i, text in enumerate(texts)], render)


_ASKS: Mapping[str, Callable[[bytes, Manifest, int], Ask]] = {
    "feature-extraction": _ask_embedding,
    "text-ranking": tei.ask_rerank,
    "text-classification": _ask_classification,
    "token-classification": _ask_entities,
    "question-answering": _ask_question_answering,
}
