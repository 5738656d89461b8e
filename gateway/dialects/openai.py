"""OpenAI's embeddings, list of models and error object, as the `openai` clients read them."""

import base64
import struct
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from gateway.catalog.catalog import ServedModel
from gateway.dialects.ask import MAX_INPUTS, Ask
from gateway.dialects.json_body import parse
from gateway.dialects.texts import encoded
from gateway.errors import UnsupportedOption
from gateway.request.json_types import FIRST_FAULT, Positive, Strict
from gateway.request.prediction import Item, Prediction
from gateway.tasks.feature_extraction import dimensions_of, embedding_of, settings_of
from gateway.tasks.task import require_use
from model_repository.manifest import Manifest

OWNER = "headrace"
VALUES_FACTOR = 4
"""A body of `/v1/embeddings` may have so many times as many JSON values as others: clients send
tokens, and numbers are cheap.
"""
_SENTENCES = {
    "input": f"must be a text or a list of 1 to {MAX_INPUTS} texts; arrays of tokens are not taken, send the texts themselves",
    "encoding_format": "must be float or base64",
}
_KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


class EmbeddingsBody(Strict):
    """A request for embeddings."""

    model: str = Field(description="the model's name")
    input: str | Annotated[list[str], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT] = Field(description="one text or several")
    encoding_format: Literal["float", "base64"] | None = Field(
        None, description="float (the default): numbers; base64: float32 (little-endian)"
    )
    dimensions: Positive | None = Field(None, description="cut embeddings to this length, where the model allows it")
    user: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        None, description="who an experiment keeps on one variant, where X-Unit-ID does not say"
    )
    version: Positive | None = Field(None, description="ask for this version, whatever the experiment says")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"model": "minilm", "input": "opec ministers agreed to cut crude oil output"},
                {"model": "minilm", "input": ["wheat prices rose", "rates fell"], "encoding_format": "base64", "user": "u-17"},
            ]
        }
    )


class Embedding(BaseModel):
    """The embedding of the input at `index`."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class Usage(BaseModel):
    """Tokens that the model read."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsResponse(BaseModel):
    """Embeddings in the order of the inputs."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: Usage

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "list",
                    "data": [{"object": "embedding", "index": 0, "embedding": [0.0127, -0.0352, 0.0481]}],
                    "model": "minilm",
                    "usage": {"prompt_tokens": 10, "total_tokens": 10},
                }
            ]
        }
    )


class ErrorObject(BaseModel):
    """What is wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(BaseModel):
    """OpenAI's error."""

    error: ErrorObject


_BODY = TypeAdapter(EmbeddingsBody)


def parse_embeddings(raw: bytes) -> EmbeddingsBody:
    """Read a request's body.

    Raises:
        MalformedRequest, InvalidRequest: as `json_body.parse`.
    """
    return parse(_BODY, raw, _SENTENCES)


def ask_embeddings(body: EmbeddingsBody, manifest: Manifest, max_text_bytes: int) -> Ask:
    """The texts, and their embeddings as the request wants them.

    Raises:
        InvalidRequest: the model makes no embeddings.
        UnsupportedOption: the model was not trained to be cut at these dimensions.
        TooLarge: a text of more than `max_text_bytes`.
    """
    require_use(manifest, "embed")
    dimension, normalize = _dimension(body.dimensions, manifest), settings_of(manifest).normalize
    texts = [body.input] if isinstance(body.input, str) else body.input

    def render(prediction: Prediction) -> dict[str, Any]:
        tokens = prediction.tokens_read()
        data = (_embedding(row, dimension, normalize=normalize, as_base64=body.encoding_format == "base64") for row in prediction.rows)
        return {
            "object": "list",
            "data": [{"object": "embedding", "index": i, "embedding": embedding} for i, embedding in enumerate(data)],
            "model": body.model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }

    return Ask([Item(encoded(text, f"input.{i}", max_text_bytes)) for i, text in enumerate(texts)], render)


def describe(models: Iterable[ServedModel]) -> dict[str, Any]:
    """The list of models."""
    return {"object": "list", "data": [describe_model(model) for model in models]}


def describe_model(model: ServedModel) -> dict[str, Any]:
    """A model; `created` is the epoch, since nobody knows when the model was made."""
    return {"id": model.name, "object": "model", "created": 0, "owned_by": OWNER}


def error_body(status: int, message: str, param: str | None) -> dict[str, Any]:
    """The error object for an HTTP status."""
    kind = _KINDS.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": _CODES.get(status)}}


def _dimension(wanted: int | None, manifest: Manifest) -> int | None:
    allowed = dimensions_of(manifest)
    if wanted is None or wanted in allowed:
        return wanted
    if len(allowed) == 1:
        sentence = f"dimensions: this model's embeddings have {allowed[0]} numbers and were not trained to be cut; leave it out"
    else:
        sentence = f"dimensions: this model was trained for {', '.join(map(str, allowed))}; choose one of them"
    error = UnsupportedOption(sentence)
    error.param = "dimensions"
    raise error


def _embedding(row: bytes, dimension: int | None, *, normalize: bool, as_base64: bool) -> Any:
    numbers = embedding_of(row, dimension, normalize=normalize and dimension is not None)
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode() if as_base64 else numbers
