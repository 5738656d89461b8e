"""Embeddings as Cohere shapes them, in both versions of its API."""

import base64
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from gateway.dialects.ask import Ask
from gateway.dialects.cohere_embed_bodies import SENTENCES, EmbedBody
from gateway.dialects.cohere_meta import meta
from gateway.dialects.embedding_options import embedding_options
from gateway.dialects.json_body import parse
from gateway.dialects.openai import dimension_of
from gateway.dialects.texts import encoded
from gateway.dialects.truncation import require_end_cut, require_uncut_by, require_whole
from gateway.errors import InvalidRequest
from gateway.request.prediction import Item, Prediction
from gateway.tasks.feature_extraction import embedding_of, settings_of
from gateway.tasks.float32_json import as_json
from gateway.tasks.task import require_use
from model_repository.manifest import Manifest

_BODY = TypeAdapter(EmbedBody)
_SIGN = 128
"""A signed byte is the unsigned one less this, as sentence-transformers quantizes too."""


def parse_embed(raw: bytes) -> EmbedBody:
    """Read a request's body.

    Raises:
        MalformedRequest, InvalidRequest: as `json_body.parse`.
    """
    body = parse(_BODY, raw, SENTENCES)
    if (body.texts is None) == (body.inputs is None):
        raise InvalidRequest.of_field("texts", "give either texts or inputs")
    return body


def ask_embed(body: EmbedBody, manifest: Manifest, request_id: str, max_text_bytes: int, api_version: str) -> Ask:
    """The texts, and their embeddings in each of the types that the request wants.

    Raises:
        InvalidRequest: the model makes no embeddings, or cannot obey a field.
        UnsupportedOption: the model was not trained to be cut at this length.
        TooLarge: a text of more than `max_text_bytes`.
    """
    require_use(manifest, "embed")
    dimension = dimension_of("output_dimension", body.output_dimension, manifest)
    types = body.embedding_types or ["float"]
    length = dimension or settings_of(manifest).dimension
    if length % 8 and {"binary", "ubinary"} & set(types):
        raise InvalidRequest.of_field("embedding_types", f"{length} bits are no whole number of bytes; ask for float or base64")
    normalize = settings_of(manifest).normalize and dimension is not None
    options = embedding_options(manifest, input_type=body.input_type)
    texts = body.texts or [one.content[0].text for one in body.inputs or ()]
    place = "texts" if body.texts else "inputs"
    by_type = api_version != "1" or bool(body.embedding_types)

    def render(prediction: Prediction) -> dict[str, Any]:
        _require_cut(body, prediction)
        rows = [embedding_of(row, dimension, normalize=normalize) for row in prediction.rows]
        return {
            "id": request_id,
            "response_type": "embeddings_by_type" if by_type else "embeddings_floats",
            "embeddings": {name: [_TYPES[name](row) for row in rows] for name in types} if by_type else [as_json(row) for row in rows],
            "texts": texts,
            "meta": meta(api_version, prediction.tokens_read()),
        }

    return Ask([Item(encoded(text, f"{place}.{i}", max_text_bytes), None, options) for i, text in enumerate(texts)], render)


def _require_cut(body: EmbedBody, prediction: Prediction) -> None:
    require_uncut_by(prediction, "max_tokens", body.max_tokens)
    if body.truncate == "NONE":
        require_whole(prediction, "say truncate: END")
    if body.truncate == "START":
        require_end_cut(prediction, "truncate", "say END")


def _ubinary(numbers: Sequence[float]) -> list[int]:
    """A bit for each number, 1 where it is above 0; the first is the highest of its byte."""
    return [sum((number > 0) << (7 - i) for i, number in enumerate(numbers[at : at + 8])) for at in range(0, len(numbers), 8)]


_TYPES: Mapping[str, Callable[[Sequence[float]], Any]] = {
    "float": as_json,
    "base64": lambda numbers: base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode(),
    "ubinary": _ubinary,
    "binary": lambda numbers: [byte - _SIGN for byte in _ubinary(numbers)],
}
