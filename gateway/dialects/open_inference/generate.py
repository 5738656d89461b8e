"""Triton's generate extension: tensors by their names in plain JSON, in and out.

Null is refused in place of any field, as Triton refuses it.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from gateway.dialects.open_inference.http_body import data_of
from gateway.dialects.open_inference.request import MAX_ELEMENTS, MAX_PARAMETERS, InferRequest, Input, Parameters
from gateway.dialects.open_inference.tensors import BYTES, Output
from gateway.errors import MalformedRequest
from gateway.faults import faults
from gateway.request.json_types import FIRST_FAULT
from gateway.request.prediction import Prediction
from model_repository.tensors import PARAMETERS, TEXT, TEXT_PAIR

_Scalar = bool | int | float | str
_Row = Annotated[list[str], Field(min_length=1, max_length=1), FIRST_FAULT]
_Texts = str | Annotated[list[str | _Row], Field(min_length=1, max_length=MAX_ELEMENTS), FIRST_FAULT]
_INPUTS = {TEXT: "text", TEXT_PAIR: "text_pair", PARAMETERS: "options"}


class GenerateBody(BaseModel):
    """Inputs by their names, each a text or a list of texts; other fields are parameters."""

    id: str = Field("", description="comes back in the answer")
    parameters: dict[str, _Scalar] = Field(default_factory=dict, max_length=MAX_PARAMETERS, description="as of an inference request")
    text: _Texts = Field("", alias=TEXT)
    text_pair: _Texts = Field("", alias=TEXT_PAIR, description="of pairs of texts")
    options: _Texts = Field("", alias=PARAMETERS, description="a JSON object as a text, for models that take options")

    model_config = ConfigDict(extra="allow", strict=True, json_schema_extra={"examples": [{"TEXT": "opec cut output"}]})
    __pydantic_extra__: dict[str, _Scalar]


class GenerateResponse(BaseModel):
    """Outputs by their names: a value, or a list of all values where there are several."""

    model_name: str
    model_version: str

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"examples": [{"model_name": "topics", "model_version": "2", "SCORES": [0.98, 0.02], "TOKENS": 5, "ERROR": ""}]},
    )


_BODY = TypeAdapter(GenerateBody)


def parse(raw: bytes) -> InferRequest:
    """Read a request.

    Raises:
        MalformedRequest: not JSON, or not a request.
    """
    try:
        body = _BODY.validate_json(raw)
    except ValidationError as exc:
        raise MalformedRequest(_sentence(exc)) from None  # the library's error quotes the client's text
    return InferRequest(
        [_input(name, getattr(body, field)) for name, field in _INPUTS.items() if field in body.model_fields_set],
        id=body.id,
        parameters=Parameters.of({**(body.model_extra or {}), **body.parameters}),
    )


def render(request: InferRequest, prediction: Prediction, outputs: Sequence[Output]) -> bytes:
    """The response to a request; null stands for NaN, the scores of an item with an ERROR."""
    response: dict[str, Any] = {"id": request.id} if request.id else {}
    response |= {"model_name": prediction.manifest.model, "model_version": str(prediction.manifest.version)}
    for output in outputs:
        values = data_of(output)
        response[output.name] = values[0] if len(values) == 1 else values
    return orjson.dumps(response)


def event(response: bytes) -> bytes:
    """A response as the one event of a stream."""
    return b"data: " + response + b"\n\n"


def _input(name: str, texts: str | list[Any]) -> Input:
    rows = [texts] if isinstance(texts, str) else [row if isinstance(row, str) else row[0] for row in texts]
    return Input(name, BYTES, [len(rows), 1], [row.encode() for row in rows])


def _sentence(error: ValidationError) -> str:
    fault = faults(error)[0]
    match fault.place:
        case () if fault.not_json:
            return f"the body is not JSON in UTF-8: {fault.not_json}"
        case ():
            return 'the body must be an object such as {"TEXT": "…"}'
        case (name, *_) if name in _INPUTS:
            return f"{name}: must be a text or a list of texts"
        case ("parameters" | "id", *_):
            return fault.sentence
    return "fields beside the inputs are parameters: they must be numbers, strings or booleans"
