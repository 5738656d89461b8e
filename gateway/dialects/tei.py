"""Text Embeddings Inference: `/embed`, `/similarity`, `/predict`, `/rerank`, `/info`.

The model cuts a text that is too long unless
`truncate` is false (TEI's own `--auto-truncate`).
"""

import math
from operator import mul
from typing import Any

import orjson
from pydantic import TypeAdapter

from gateway.catalog.catalog import ServedModel
from gateway.dialects.ask import Ask
from gateway.dialects.embedding_options import embedding_options
from gateway.dialects.json_body import parse
from gateway.dialects.tei_bodies import SENTENCES, EmbedBody, EmbedOptions, PredictBody, RerankBody, SimilarityBody, Truncation
from gateway.dialects.texts import encoded
from gateway.dialects.truncation import require_end_cut, require_whole
from gateway.errors import InvalidRequest
from gateway.request.prediction import Item, Prediction
from gateway.tasks import text_classification, text_ranking
from gateway.tasks.feature_extraction import dimensions_of, embedding_of, settings_of
from gateway.tasks.float32_json import as_json
from gateway.tasks.function_to_apply import Function
from gateway.tasks.task import require_use
from gateway.tasks.text_classification import ranked
from gateway.tasks.text_ranking import ranking
from model_repository.manifest import Manifest
from model_repository.tasks import TASKS

_DTYPES = {"fp32": "float32", "fp16": "float16"}
_ERROR_TYPES = {404: "NotFound", 429: "Overloaded", 502: "Backend", 503: "Unhealthy", 504: "Backend"}
_EMBED = TypeAdapter(EmbedBody)
_SIMILARITY = TypeAdapter(SimilarityBody)
_PREDICT = TypeAdapter(PredictBody)
_RERANK = TypeAdapter(RerankBody)


def ask_embed(raw: bytes, manifest: Manifest, max_text_bytes: int) -> Ask:
    """A list of embeddings, for a single text too.

    Raises:
        GatewayError: the body is not such a request, or the model cannot obey it.
    """
    require_use(manifest, "embed")
    body = parse(_EMBED, raw, SENTENCES)
    options = embedding_options(manifest, prompt_name=body.prompt_name, normalize=False if body.normalize is False else None)
    if body.dimensions is not None and body.dimensions not in (allowed := dimensions_of(manifest)):
        sentence = f"this model's embeddings can have {', '.join(map(str, allowed))} numbers; choose one of them"
        raise InvalidRequest.of_field("dimensions", sentence)
    normalize = body.normalize is not False and (not settings_of(manifest).normalize or body.dimensions is not None)
    texts = [body.inputs] if isinstance(body.inputs, str) else body.inputs

    def render(prediction: Prediction) -> list[orjson.Fragment]:
        _require_cut(body, prediction)
        return [as_json(embedding_of(row, body.dimensions, normalize=normalize)) for row in prediction.rows]

    return Ask(_items(texts, max_text_bytes, options), render)


def ask_similarity(raw: bytes, manifest: Manifest, max_text_bytes: int) -> Ask:
    """The cosine similarity of each sentence with the first.

    Raises:
        GatewayError: the body is not such a request, or the model cannot obey it.
    """
    require_use(manifest, "embed")
    body = parse(_SIMILARITY, raw)
    given = body.parameters or EmbedOptions()
    options = embedding_options(manifest, prompt_name=given.prompt_name)

    def render(prediction: Prediction) -> list[float]:
        _require_cut(given, prediction)
        source, *others = (embedding_of(row, normalize=True) for row in prediction.rows)
        return [math.fsum(map(mul, source, other)) for other in others]

    return Ask(_items([body.inputs.source_sentence, *body.inputs.sentences], max_text_bytes, options), render)


def ask_predict(raw: bytes, manifest: Manifest, max_text_bytes: int) -> Ask:
    """All labels with their scores, best first; for a list of inputs a list of such lists.

    Raises:
        GatewayError: the body is not such a request, or the model cannot obey it.
    """
    require_use(manifest, "predict")
    body = parse(_PREDICT, raw, SENTENCES)
    settings = text_classification.settings_of(manifest)
    options = text_classification.options_of(manifest, _function(body.raw_scores, manifest, settings.function))
    single, sequences = _sequences(body.inputs)
    wanted = 2 if settings.text_pair else 1
    if any(len(sequence) != wanted for sequence in sequences):
        raise InvalidRequest(f"inputs: this model classifies {'pairs: give [a, b]' if wanted == 2 else 'single texts, not pairs'}")
    texts = [[encoded(text, f"inputs.{i}", max_text_bytes) for text in sequence] for i, sequence in enumerate(sequences)]

    def render(prediction: Prediction) -> list[Any]:
        _require_cut(body, prediction)
        labels = [[score._asdict() for score in ranked(row, manifest.labels)] for row in prediction.rows]
        return labels[0] if single else labels

    return Ask([Item(sequence[0], sequence[1] if len(sequence) > 1 else None, options) for sequence in texts], render)


def ask_rerank(raw: bytes, manifest: Manifest, max_text_bytes: int) -> Ask:
    """The texts by their index in the request, best first.

    Raises:
        GatewayError: the body is not such a request, or the model cannot obey it.
    """
    require_use(manifest, "rerank")
    body = parse(_RERANK, raw, SENTENCES)
    function = _function(body.raw_scores, manifest, text_ranking.settings_of(manifest).function)
    options = text_ranking.options_of(manifest, function)
    query = encoded(body.query, "query", max_text_bytes)

    def render(prediction: Prediction) -> list[dict[str, Any]]:
        _require_cut(body, prediction)
        return [
            {"index": at, **({"text": body.texts[at]} if body.return_text else {}), "score": score}
            for at, score in ranking(prediction.rows)[: body.top_n]
        ]

    return Ask([Item(query, encoded(text, f"texts.{i}", max_text_bytes), options) for i, text in enumerate(body.texts)], render)


def info(model: ServedModel, manifest: Manifest, *, max_pending: int, max_items: int) -> dict[str, Any]:
    """The body of TEI's `/info`, about the version that answers by default.

    At most `max_pending` texts may wait for it, and a request may have `max_items`.
    """
    return {
        "model_id": model.name,
        "model_sha": manifest.digest.removeprefix("sha256:"),
        "model_dtype": _DTYPES.get(manifest.precision, "int8"),
        "served_model_name": model.name,
        "model_type": _model_type(manifest),
        "max_concurrent_requests": max_pending,
        "max_input_length": manifest.max_length,
        "max_batch_tokens": model.max_batch_size * manifest.max_length,
        "max_batch_requests": model.max_batch_size,
        "max_client_batch_size": max_items,
        "auto_truncate": True,
        "tokenization_workers": model.instances,
        "version": str(manifest.version),
        "sha": None,
        "docker_label": None,
    }


def error_body(status: int, message: str) -> dict[str, Any]:
    """TEI's error for an HTTP status."""
    return {"error": message, "error_type": _ERROR_TYPES.get(status, "Backend" if status >= 500 else "Validation")}


def _model_type(manifest: Manifest) -> dict[str, Any]:
    match TASKS[manifest.task].use:
        case "embed":
            return {"embedding": {"pooling": settings_of(manifest).pooling}}
        case "predict":
            numbered = list(enumerate(manifest.labels))
            return {"classifier": {"id2label": {str(i): label for i, label in numbered}, "label2id": {label: i for i, label in numbered}}}
        case "rerank":
            return {"reranker": {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}}
        case None:
            return {manifest.task.replace("-", "_"): {}}


def _items(texts: list[str], max_text_bytes: int, options: bytes) -> list[Item]:
    return [Item(encoded(text, f"inputs.{i}", max_text_bytes), None, options) for i, text in enumerate(texts)]


def _function(raw_scores: bool | None, manifest: Manifest, own: str) -> Function | None:
    """What makes scores of logits, as TEI does it; None: what the model was trained with."""
    if raw_scores is None or (raw_scores is False and own in ("softmax", "sigmoid")):
        return None
    if raw_scores:
        return "none"
    return "softmax" if len(manifest.labels) > 1 else "sigmoid"


def _sequences(inputs: str | list[str | list[str]]) -> tuple[bool, list[list[str]]]:
    """(whether there is one input, the inputs as sequences of one or two texts).

    A list of nothing but strings is one pair.
    """
    if isinstance(inputs, str):
        return True, [[inputs]]
    strings = [text for text in inputs if isinstance(text, str)]
    if not strings:
        return False, [sequence for sequence in inputs if isinstance(sequence, list)]
    if len(strings) != len(inputs) or len(strings) > 2:
        raise InvalidRequest(f"inputs: {SENTENCES['inputs']}")
    return True, [strings]


def _require_cut(options: Truncation, prediction: Prediction) -> None:
    if options.truncate is False:
        require_whole(prediction, "truncate: true")
    if options.truncation_direction in ("Left", "left"):
        require_end_cut(prediction, "truncation_direction", "say right")
