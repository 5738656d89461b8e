"""OpenAI's embeddings, list of models and error object, as the `openai` clients read them."""

import base64
import struct
from typing import Any

from pydantic import TypeAdapter

from gateway.catalog.catalog import Catalog
from gateway.dialects.ask import Ask
from gateway.dialects.embedding_options import embedding_options
from gateway.dialects.json_body import parse
from gateway.dialects.openai_bodies import SENTENCES, EmbeddingsBody
from gateway.dialects.texts import encoded
from gateway.dialects.truncation import require_end_cut, require_uncut_by, require_whole
from gateway.errors import UnsupportedOption
from gateway.request.prediction import Item, Prediction
from gateway.tasks.feature_extraction import dimensions_of, embedding_of, settings_of
from gateway.tasks.float32_json import as_json
from gateway.tasks.task import require_use
from model_repository.manifest import Manifest

OWNER = "headrace"
VALUES_FACTOR = 4
"""A body of `/v1/embeddings` may have so many times as many JSON values as others: clients send
tokens, and numbers are cheap.
"""
_KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
_BODY = TypeAdapter(EmbeddingsBody)


def parse_embeddings(raw: bytes) -> EmbeddingsBody:
    """Read a request's body.

    Raises:
        MalformedRequest, InvalidRequest: as `json_body.parse`.
    """
    return parse(_BODY, raw, SENTENCES)


def ask_embeddings(body: EmbeddingsBody, manifest: Manifest, max_text_bytes: int) -> Ask:
    """The texts, and their embeddings as the request wants them.

    Raises:
        InvalidRequest: the model makes no embeddings, or cannot obey a field.
        UnsupportedOption: the model was not trained to be cut at these dimensions.
        TooLarge: a text of more than `max_text_bytes`.
    """
    require_use(manifest, "embed")
    dimension, settings = dimension_of("dimensions", body.dimensions, manifest), settings_of(manifest)
    normalize = _normalizes(body.use_activation, own=settings.normalize, cut=dimension is not None)
    options = embedding_options(manifest, input_type=body.input_type, normalize=False if body.use_activation is False else None)
    texts = [body.input] if isinstance(body.input, str) else body.input

    def render(prediction: Prediction) -> dict[str, Any]:
        _require_cut(body, prediction)
        tokens = prediction.tokens_read()
        data = (_embedding(row, dimension, normalize=normalize, as_base64=body.encoding_format == "base64") for row in prediction.rows)
        return {
            "object": "list",
            "data": [{"object": "embedding", "index": i, "embedding": embedding} for i, embedding in enumerate(data)],
            "model": body.model or manifest.model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }

    return Ask([Item(encoded(text, f"input.{i}", max_text_bytes), None, options) for i, text in enumerate(texts)], render)


def describe(catalog: Catalog) -> dict[str, Any]:
    """The list of models, their aliases after them."""
    named = [*((name, name) for name in sorted(catalog.models)), *sorted(catalog.aliases_of_models().items())]
    return {"object": "list", "data": [describe_model(name, model) for name, model in named]}


def describe_model(name: str, model: str) -> dict[str, Any]:
    """A model under one of its names.

    `root` is its own name, as vLLM has it; `created` is the epoch, since nobody knows when the
    model was made.
    """
    return {"id": name, "object": "model", "created": 0, "owned_by": OWNER, "root": model}


def error_body(status: int, message: str, param: str | None) -> dict[str, Any]:
    """The error object for an HTTP status."""
    kind = _KINDS.get(status, "server_error" if status >= 500 else "invalid_request_error")
    code = _CODES.get(status) if status != 404 or param == "model" else None
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _normalizes(wanted: bool | None, *, own: bool, cut: bool) -> bool:
    """Whether numbers are still to be brought to length 1: the model's own comes before a cut."""
    return wanted is not False and (own or wanted is True) and (cut or not own)


def _require_cut(body: EmbeddingsBody, prediction: Prediction) -> None:
    limit = body.truncate_prompt_tokens
    require_uncut_by(prediction, "truncate_prompt_tokens", None if limit == -1 else limit)
    if body.truncation_side == "left":
        require_end_cut(prediction, "truncation_side", "say right")
    if body.truncate == "NONE":
        require_whole(prediction, "say truncate: END")
    if body.truncate == "START":
        require_end_cut(prediction, "truncate", "say END")


def dimension_of(field: str, wanted: int | None, manifest: Manifest) -> int | None:
    """The length that a request's `field` wants embeddings to have; None: their own.

    Raises:
        UnsupportedOption: the model was not trained to be cut at this length.
    """
    allowed = dimensions_of(manifest)
    if wanted is None or wanted in allowed:
        return wanted
    if len(allowed) == 1:
        sentence = f"this model's embeddings have {allowed[0]} numbers and were not trained to be cut; leave it out"
    else:
        sentence = f"this model was trained for {', '.join(map(str, allowed))}; choose one of them"
    raise UnsupportedOption.of_field(field, sentence)


def _embedding(row: bytes, dimension: int | None, *, normalize: bool, as_base64: bool) -> Any:
    numbers = embedding_of(row, dimension, normalize=normalize)
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode() if as_base64 else as_json(numbers)
