"""REST bodies: JSON, and the binary tensor extension, in which tensors follow the JSON as bytes.

Null is refused as Triton refuses it, in place of any field that it reads; the `parameters` of a
tensor may be null, and what Triton does not read may be anything.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from gateway.dialects.open_inference.request import (
    MAX_ELEMENTS,
    MAX_PARAMETERS,
    MAX_TENSORS,
    InferRequest,
    Input,
    Parameters,
    Wanted,
    require_no_shared_memory,
)
from gateway.dialects.open_inference.tensors import BYTES, FLOAT, Output
from gateway.dialects.whole_number import whole_number
from gateway.errors import MalformedRequest
from gateway.faults import faults
from gateway.request.byte_order_mark import without_mark
from gateway.request.bytes_tensor import unpacked
from gateway.request.json_limits import JsonLimits, require_within
from gateway.request.json_types import FIRST_FAULT
from gateway.request.prediction import Prediction
from gateway.tasks.float32_json import raw_as_json
from model_repository.tensors import TEXT

HEADER_LENGTH = "inference-header-content-length"


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


class InputParameters(_Part):
    """How an input comes."""

    model_config = ConfigDict(extra="allow")

    binary_data_size: Annotated[int, Field(ge=0)] = Field(0, description="the tensor's bytes after the JSON, in place of `data`")


class OutputParameters(_Part):
    """How an output goes."""

    model_config = ConfigDict(extra="allow")

    binary_data: bool = Field(False, description="as bytes after the JSON; by default as `binary_data_output` says")
    classification: Annotated[int, Field(ge=0)] = Field(0, description="of each row only the best classes, as `value:index`")


_Row = Annotated[list[str], Field(min_length=1, max_length=1), FIRST_FAULT]


class InputTensor(_Part):
    """A tensor of texts: one for each item."""

    name: str
    shape: Annotated[list[int], Field(min_length=2, max_length=2), FIRST_FAULT]
    datatype: Literal["BYTES"]
    parameters: InputParameters | None = None
    data: Annotated[list[str | _Row], Field(max_length=MAX_ELEMENTS), FIRST_FAULT] = Field(default_factory=list)


class RequestedOutput(_Part):
    """An output that is asked for."""

    name: str
    parameters: OutputParameters | None = None


class InferBody(_Part):
    """An inference request of the Open Inference Protocol."""

    id: str = Field("", description="comes back in the answer")
    parameters: dict[str, bool | int | float | str] = Field(
        default_factory=dict,
        max_length=MAX_PARAMETERS,
        description="`timeout`, microseconds; `priority`; `binary_data_output`; others change nothing",
    )
    inputs: Annotated[list[InputTensor], Field(max_length=MAX_TENSORS), FIRST_FAULT]
    outputs: Annotated[list[RequestedOutput], Field(max_length=MAX_TENSORS), FIRST_FAULT] = Field(
        default_factory=list, description="none: all"
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "inputs": [
                        {"name": "TEXT", "shape": [1, 1], "datatype": "BYTES", "data": ["opec ministers agreed to cut crude oil output"]}
                    ]
                },
                {
                    "id": "7",
                    "inputs": [{"name": "TEXT", "shape": [2, 1], "datatype": "BYTES", "data": ["wheat and corn", "crude oil"]}],
                    "outputs": [{"name": "SCORES", "parameters": {"classification": 2}}, {"name": "ERROR"}],
                    "parameters": {"timeout": 500000},
                },
            ]
        }
    )


class OutputTensor(BaseModel):
    """An output; with `parameters.binary_data_size` its bytes follow the JSON, in the order of the
    outputs.
    """

    name: str
    datatype: Literal["FP32", "INT32", "BYTES"]
    shape: list[int]
    parameters: dict[str, int] | None = None
    data: list[float | int | str | None] | None = Field(None, description="null stands for NaN, the scores of an item with an ERROR")


class InferResponse(BaseModel):
    """An answer, with the version that gave it."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


class Body(NamedTuple):
    """A response's body; `json_bytes` is the length of its JSON if binary tensors follow that."""

    content: bytes
    json_bytes: int | None


_BODY = TypeAdapter(InferBody)
_OF_INPUT, _OF_OUTPUT = InputParameters(), OutputParameters()


def parse(body: bytes, header_length: str | None, json_limits: JsonLimits) -> InferRequest:
    """Read a request; `header_length` is its `Inference-Header-Content-Length`.

    With a length of 0 the whole body is one text, as Triton has it for models of one input.

    Raises:
        MalformedRequest: not JSON, nested too deeply, not a request, or the bytes do not fit what
            the JSON says of them.
        TooLarge: the JSON has too many values.
    """
    size = len(body) if header_length is None else _header_size(header_length, len(body))
    if header_length is not None and not size:
        return InferRequest([Input(TEXT, BYTES, [1, 1], [body])], binary=True)
    head = without_mark(body[:size])
    require_within(head, "the body", json_limits)
    asked = _validated(head)
    inputs = []
    for i, tensor in enumerate(asked.inputs):
        values, size = _values(tensor, body, size, f"inputs.{i}")
        inputs.append(Input(tensor.name, tensor.datatype, tensor.shape, values))
    if size != len(body):
        raise MalformedRequest(f"{len(body) - size} bytes follow that no input speaks of; give each binary input its binary_data_size")
    binary = asked.parameters.get("binary_data_output", False) is True
    outputs = [_wanted(output, i, binary) for i, output in enumerate(asked.outputs)]
    return InferRequest(inputs, outputs, asked.id, Parameters.of(asked.parameters), binary)


def render(request: InferRequest, prediction: Prediction, wanted: Sequence[Wanted], outputs: Sequence[Output]) -> Body:
    """The response to a request; `wanted` says in which form each of `outputs` goes."""
    tail = [output.raw for one, output in zip(wanted, outputs, strict=True) if one.binary]
    response: dict[str, Any] = {"id": request.id} if request.id else {}
    response["model_name"] = prediction.manifest.model
    response["model_version"] = str(prediction.manifest.version)
    response["outputs"] = [_tensor(output, one.binary) for one, output in zip(wanted, outputs, strict=True)]
    head = orjson.dumps(response)
    return Body(b"".join([head, *tail]), len(head)) if tail else Body(head, None)


def _header_size(given: str, body_bytes: int) -> int:
    size = whole_number(given)
    if size is None or size > body_bytes:
        raise MalformedRequest(f"Inference-Header-Content-Length: must be a whole number from 0 to the body's {body_bytes} bytes")
    return size


def _validated(raw: bytes) -> InferBody:
    try:
        return _BODY.validate_json(raw)
    except ValidationError as exc:
        # `from None`: the library's error quotes the client's text, which belongs in no log
        fault = faults(exc)[0]
        if fault.not_json:
            raise MalformedRequest(f"the body is not JSON in UTF-8: {fault.not_json}") from None
        match fault.place:
            case ():
                raise MalformedRequest("the body must be an object with the inputs, as /docs shows") from None
            case ("inputs", int() as i, "data", *_) if fault.kind != "too_long":
                raise MalformedRequest(f"inputs.{i}.data: must be a list of strings, one for each item") from None
            case ("parameters", *_) if fault.kind != "too_long":
                raise MalformedRequest("parameters: must be an object whose values are numbers, strings or booleans") from None
        raise MalformedRequest(fault.sentence) from None


def _values(tensor: InputTensor, body: bytes, begin: int, place: str) -> tuple[list[bytes], int]:
    """The elements of an input, and where the bytes of the next one begin."""
    parameters = tensor.parameters or _OF_INPUT
    require_no_shared_memory(parameters.model_extra or {}, place)
    has_data = "data" in tensor.model_fields_set
    if has_data == ("binary_data_size" in parameters.model_fields_set):
        raise MalformedRequest(f"{place}: give either data or parameters.binary_data_size")
    if has_data:
        try:
            return [(element if isinstance(element, str) else element[0]).encode() for element in tensor.data], begin
        except UnicodeEncodeError:
            raise MalformedRequest(f"{place}.data: a text holds half a surrogate pair, which is no character; send whole ones") from None
    end = begin + parameters.binary_data_size
    if end > len(body):
        raise MalformedRequest(
            f"{place}: binary_data_size says {parameters.binary_data_size} bytes and {len(body) - begin} are left in the body"
        )
    try:
        return unpacked(body[begin:end], MAX_ELEMENTS), end
    except ValueError as exc:
        raise MalformedRequest(f"{place}: {exc}; each text stands behind its length, 4 bytes, little-endian") from exc


def _wanted(output: RequestedOutput, i: int, binary: bool) -> Wanted:
    parameters = output.parameters or _OF_OUTPUT
    require_no_shared_memory(parameters.model_extra or {}, f"outputs.{i}")
    binary = parameters.binary_data if "binary_data" in parameters.model_fields_set else binary
    return Wanted(output.name, parameters.classification, binary)


def _tensor(output: Output, binary: bool) -> Mapping[str, Any]:
    described = {"name": output.name, "datatype": output.datatype, "shape": output.shape}
    if binary:
        return described | {"parameters": {"binary_data_size": len(output.raw)}}
    return described | {"data": raw_as_json(output.raw) if output.datatype == FLOAT else data_of(output)}


def data_of(output: Output) -> Sequence[Any]:
    """The elements of an output, one row after another."""
    if output.datatype == BYTES:
        return [value.decode(errors="replace") for value in unpacked(output.raw)]
    return struct.unpack(f"<{len(output.raw) // 4}{'f' if output.datatype == FLOAT else 'i'}", output.raw)
