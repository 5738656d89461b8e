"""Protobuf messages ↔ the dialect's requests and tensors.

Toward clients, only this package imports `tritonclient`.
"""

from collections.abc import Mapping, Sequence, Sized
from typing import Any

from tritonclient.grpc import service_pb2 as pb

from gateway.dialects.open_inference.request import (
    MAX_DIMENSIONS,
    MAX_ELEMENTS,
    MAX_PARAMETERS,
    MAX_TENSORS,
    InferRequest,
    Input,
    Parameters,
    Wanted,
    require_no_shared_memory,
)
from gateway.dialects.open_inference.tensors import Output
from gateway.dialects.whole_number import whole_number
from gateway.errors import MalformedRequest
from gateway.request.bytes_tensor import unpacked
from gateway.request.prediction import Prediction


def version_of(text: str) -> int | None:
    """The version that a message names; "" names none.

    Raises:
        MalformedRequest: not a version.
    """
    if not text:
        return None
    if (version := whole_number(text)) is None:
        raise MalformedRequest("model_version: must be a whole number, or empty")
    return version


def parse(message: Any) -> InferRequest:
    """A request from a `ModelInferRequest`.

    Raises:
        MalformedRequest: the tensors and their contents do not fit together, or there are too many.
    """
    # counted before anything is read: reading makes Python objects of what are a few bytes here
    _require_few(message.inputs, MAX_TENSORS, "inputs")
    _require_few(message.outputs, MAX_TENSORS, "outputs")
    _require_few(message.parameters, MAX_PARAMETERS, "parameters")
    if message.raw_input_contents and len(message.raw_input_contents) != len(message.inputs):
        raise MalformedRequest(
            f"raw_input_contents: {len(message.raw_input_contents)} for {len(message.inputs)} inputs; give one for each, or none"
        )
    inputs = []
    for i, tensor in enumerate(message.inputs):
        _require_few(tensor.shape, MAX_DIMENSIONS, f"inputs.{i}.shape")
        require_no_shared_memory(tensor.parameters, f"inputs.{i}")
        inputs.append(Input(tensor.name, tensor.datatype, list(tensor.shape), _values(message, i, tensor)))
    outputs = [_wanted(tensor, i) for i, tensor in enumerate(message.outputs)]
    return InferRequest(inputs, outputs, message.id, Parameters.of(_parameters(message.parameters)))


def render(request: InferRequest, prediction: Prediction, outputs: Sequence[Output]) -> Any:
    """The `ModelInferResponse` to a request."""
    manifest = prediction.manifest
    response = pb.ModelInferResponse(id=request.id, model_name=manifest.model, model_version=str(manifest.version))
    for output in outputs:
        response.outputs.add(name=output.name, datatype=output.datatype, shape=output.shape)
        response.raw_output_contents.append(output.raw)
    return response


def last_of_stream(response: Any) -> Any:
    """A response marked as the last to its request, as Triton marks those of streams."""
    response.parameters["triton_final_response"].bool_param = True
    return pb.ModelStreamInferResponse(infer_response=response)


def _values(message: Any, i: int, tensor: Any) -> list[bytes]:
    if not message.raw_input_contents:
        _require_few(tensor.contents.bytes_contents, MAX_ELEMENTS, f"inputs.{i}.contents")
        return list(tensor.contents.bytes_contents)
    try:
        return unpacked(message.raw_input_contents[i], MAX_ELEMENTS)
    except ValueError as exc:
        raise MalformedRequest(f"raw_input_contents.{i}: {exc}; each text stands behind its length, 4 bytes, little-endian") from exc


def _require_few(given: Sized, most: int, place: str) -> None:
    if len(given) > most:
        raise MalformedRequest(f"{place}: {len(given)} are given, at most {most} may be; send the rest in another request")


def _wanted(tensor: Any, i: int) -> Wanted:
    _require_few(tensor.parameters, MAX_PARAMETERS, f"outputs.{i}.parameters")
    require_no_shared_memory(tensor.parameters, f"outputs.{i}")
    classes = _parameters(tensor.parameters).get("classification", 0)
    if type(classes) is not int or classes < 0:
        raise MalformedRequest(f"outputs.{i}.parameters.classification: must be a whole number from 0 up")
    return Wanted(tensor.name, classes)


def _parameters(parameters: Any) -> Mapping[str, Any]:
    return {name: getattr(value, value.WhichOneof("parameter_choice") or "", None) for name, value in parameters.items()}
