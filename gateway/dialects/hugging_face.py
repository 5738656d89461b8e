"""Hugging Face's pipelines as `huggingface_hub.InferenceClient` asks for them.

A body is `{"inputs": …, "parameters": …}`; the model's task says what both hold. Embedding and
ranking models take TEI's bodies on the same path, as a TEI server does at its root.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import orjson
from pydantic import Field, TypeAdapter

from gateway.dialects import tei
from gateway.dialects.ask import MAX_INPUTS, Ask
from gateway.dialects.json_body import parse
from gateway.dialects.texts import encoded
from gateway.errors import InvalidRequest
from gateway.request.json_types import FIRST_FAULT, Positive, Strict
from gateway.request.prediction import Item, Prediction
from gateway.request.row import value_of
from gateway.tasks import text_classification, token_classification
from gateway.tasks.instance import Labels
from gateway.tasks.task import canonical
from gateway.tasks.text_classification import ranked
from model_repository.manifest import Manifest

Texts = str | Annotated[list[str], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT]
_FUNCTIONS = {"none": "identity"}
_TEXTS = {"inputs": f"must be a text or a list of 1 to {MAX_INPUTS} texts"}
_TEXTS_OR_PAIRS = {"inputs": f'must be a text, a pair {{"text": "…", "text_pair": "…"}}, or a list of 1 to {MAX_INPUTS} of one kind'}
_QUESTION = {"inputs": 'must be {"question": "…", "context": "…"}'}


class TextPair(Strict):
    """A pair of texts."""

    text: str
    text_pair: str


class Question(Strict):
    """A question and the text that holds its answer."""

    question: str
    context: str


class ClassificationParameters(Strict):
    """Of text-classification."""

    top_k: Positive | None = None
    function_to_apply: str | None = Field(None, description="the model's own only: softmax, sigmoid or none")


class ClassificationBody(Strict):
    """Texts or pairs to classify."""

    inputs: Texts | TextPair | Annotated[list[TextPair], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT]
    parameters: ClassificationParameters = Field(default_factory=ClassificationParameters)


class EntityParameters(Strict):
    """Of token-classification."""

    aggregation_strategy: str | None = None
    ignore_labels: Labels | None = Field(None, description='further labels to leave out; "O" always is')


class EntityBody(Strict):
    """Texts to find entities in."""

    inputs: Texts
    parameters: EntityParameters = Field(default_factory=EntityParameters)


class AnswerParameters(Strict):
    """Of question-answering."""

    top_k: Positive | None = None
    max_answer_len: Positive | None = None
    handle_impossible_answer: bool | None = None
    align_to_words: bool | None = Field(None, description="true only: answers are of whole words")


class AnswerBody(Strict):
    """A question."""

    inputs: Question
    parameters: AnswerParameters = Field(default_factory=AnswerParameters)


class ZeroShotParameters(Strict):
    """Of zero-shot-classification."""

    candidate_labels: Annotated[Labels, Field(min_length=1)]
    hypothesis_template: str | None = None
    multi_label: bool | None = None


class ZeroShotBody(Strict):
    """Texts to classify by labels of the request's own."""

    inputs: Texts
    parameters: ZeroShotParameters


_CLASSIFICATION = TypeAdapter(ClassificationBody)
_ENTITIES = TypeAdapter(EntityBody)
_QUESTION_ANSWERING = TypeAdapter(AnswerBody)
_ZERO_SHOT = TypeAdapter(ZeroShotBody)


def ask(raw: bytes, manifest: Manifest, max_text_bytes: int) -> Ask:
    """What the body asks of a model of this task.

    Raises:
        GatewayError: the body is not a request for this task, or the model cannot obey it.
    """
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
    body = parse(_CLASSIFICATION, raw, _TEXTS_OR_PAIRS)
    settings = text_classification.settings_of(manifest)
    function = body.parameters.function_to_apply
    if function is not None and _FUNCTIONS.get(function, function) != settings.function:
        raise InvalidRequest(f"parameters.function_to_apply: this model applies {settings.function} always; leave it out")
    inputs = body.inputs if isinstance(body.inputs, list) else [body.inputs]
    given = [(one.text, one.text_pair) if isinstance(one, TextPair) else (one,) for one in inputs]
    if any((len(texts) == 2) != settings.text_pair for texts in given):
        raise InvalidRequest(f"inputs: this model takes {'pairs {text, text_pair}' if settings.text_pair else 'single texts'}")
    items = [Item(*(encoded(text, f"inputs.{i}", max_text_bytes) for text in texts)) for i, texts in enumerate(given)]

    def render(prediction: Prediction) -> list[Any]:
        top_k = body.parameters.top_k
        return [[score._asdict() for score in ranked(row, manifest.labels)[:top_k]] for row in prediction.rows]

    return Ask(items, render)


def _ask_entities(raw: bytes, manifest: Manifest, max_text_bytes: int) -> Ask:
    body = parse(_ENTITIES, raw, _TEXTS)
    strategy, ignored = body.parameters.aggregation_strategy, frozenset(body.parameters.ignore_labels or ())
    if body.parameters.ignore_labels is not None and "O" not in ignored:
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
        found = [of_text(text, orjson.loads(value_of(row))) for text, row in zip(texts, prediction.rows, strict=True)]
        return found[0] if isinstance(body.inputs, str) else found

    return Ask([Item(encoded(text, f"inputs.{i}", max_text_bytes), None, parameters) for i, text in enumerate(texts)], render)


def _ask_question_answering(raw: bytes, manifest: Manifest, max_text_bytes: int) -> Ask:
    body = parse(_QUESTION_ANSWERING, raw, _QUESTION)
    given = body.parameters
    if given.align_to_words is False:
        raise InvalidRequest("parameters.align_to_words: answers are of whole words always; leave it out or say true")
    named = {"top_k": given.top_k, "max_answer_length": given.max_answer_len, "handle_impossible_answer": given.handle_impossible_answer}
    parameters = canonical({name: value for name, value in named.items() if value is not None})
    question = encoded(body.inputs.question, "inputs.question", max_text_bytes)
    context = encoded(body.inputs.context, "inputs.context", max_text_bytes)

    def render(prediction: Prediction) -> Any:
        answers = orjson.loads(value_of(prediction.rows[0]))
        return answers if (given.top_k or 1) > 1 else answers[0] if answers else {"answer": "", "start": 0, "end": 0, "score": 0.0}

    return Ask([Item(question, context, parameters)], render)


def _ask_zero_shot(raw: bytes, manifest: Manifest, max_text_bytes: int) -> Ask:
    body = parse(_ZERO_SHOT, raw, _TEXTS)
    parameters = canonical(body.parameters.model_dump(exclude_none=True))
    texts = [body.inputs] if isinstance(body.inputs, str) else body.inputs

    def render(prediction: Prediction) -> Any:
        found = [{"sequence": text, **orjson.loads(value_of(row))} for text, row in zip(texts, prediction.rows, strict=True)]
        return found[0] if isinstance(body.inputs, str) else found

    return Ask([Item(encoded(text, f"inputs.{i}", max_text_bytes), None, parameters) for i, text in enumerate(texts)], render)


_ASKS: Mapping[str, Callable[[bytes, Manifest, int], Ask]] = {
    "feature-extraction": _ask_embedding,
    "text-ranking": tei.ask_rerank,
    "text-classification": _ask_classification,
    "token-classification": _ask_entities,
    "question-answering": _ask_question_answering,
    "zero-shot-classification": _ask_zero_shot,
}
