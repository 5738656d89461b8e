"""JSON null in every place of an Open Inference body, and what Triton's HTTP server makes of it."""

from collections.abc import Mapping
from typing import Any

TENSOR = {"name": "TEXT", "shape": [1, 1], "datatype": "BYTES", "data": ["alna"]}
OUTPUT = {"name": "SCORES"}


def _infer(tensor: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"inputs": [{**TENSOR, **(tensor or {})}], **fields}


INFER: Mapping[str, Any] = {
    "body": None,
    "id": _infer(id=None),
    "inputs": _infer(inputs=None),
    "inputs.0": _infer(inputs=[None]),
    "inputs.1": _infer(inputs=[TENSOR, None]),
    "inputs.0.name": _infer({"name": None}),
    "inputs.0.shape": _infer({"shape": None}),
    "inputs.0.datatype": _infer({"datatype": None}),
    "inputs.0.data": _infer({"data": None}),
    "inputs.0.data.0": _infer({"data": [None]}),
    "inputs.0.data.0.0": _infer({"data": [[None]]}),
    "inputs.0.data beside binary_data_size": _infer({"data": None, "parameters": {"binary_data_size": 0}}),
    "inputs.0.parameters": _infer({"parameters": None}),
    "inputs.0.parameters.binary_data_size": _infer({"parameters": {"binary_data_size": None}}),
    "inputs.0.parameters.shared_memory_region": _infer({"parameters": {"shared_memory_region": None}}),
    "inputs.0.parameters.unknown": _infer({"parameters": {"unknown": None}}),
    "inputs.0.unknown": _infer({"unknown": None}),
    "outputs": _infer(outputs=None),
    "outputs.0": _infer(outputs=[None]),
    "outputs.0.name": _infer(outputs=[{"name": None}]),
    "outputs.0.parameters": _infer(outputs=[OUTPUT | {"parameters": None}]),
    "outputs.0.parameters.binary_data": _infer(outputs=[OUTPUT | {"parameters": {"binary_data": None}}]),
    "outputs.0.parameters.classification": _infer(outputs=[OUTPUT | {"parameters": {"classification": None}}]),
    "outputs.0.parameters.shared_memory_region": _infer(outputs=[OUTPUT | {"parameters": {"shared_memory_region": None}}]),
    "outputs.0.parameters.unknown": _infer(outputs=[OUTPUT | {"parameters": {"unknown": None}}]),
    "outputs.0.unknown": _infer(outputs=[OUTPUT | {"unknown": None}]),
    "parameters": _infer(parameters=None),
    "parameters.timeout": _infer(parameters={"timeout": None}),
    "parameters.priority": _infer(parameters={"priority": None}),
    "parameters.sequence_id": _infer(parameters={"sequence_id": None}),
    "parameters.sequence_start": _infer(parameters={"sequence_start": None}),
    "parameters.binary_data_output": _infer(parameters={"binary_data_output": None}),
    "parameters.unknown": _infer(parameters={"unknown": None}),
    "unknown": _infer(unknown=None),
}
"""Bodies of `infer` by the place of null in them."""

GENERATE: Mapping[str, Any] = {
    "body": None,
    "id": {"TEXT": "alna", "id": None},
    "TEXT": {"TEXT": None},
    "TEXT.0": {"TEXT": [None]},
    "PARAMETERS": {"TEXT": "alna", "PARAMETERS": None},
    "parameters": {"TEXT": "alna", "parameters": None},
    "parameters.timeout": {"TEXT": "alna", "parameters": {"timeout": None}},
    "parameters.unknown": {"TEXT": "alna", "parameters": {"unknown": None}},
    "unknown": {"TEXT": "alna", "unknown": None},
}
"""Bodies of `generate` by the place of null in them."""

TOLERATED = frozenset(
    {
        "inputs.0.parameters",
        "inputs.0.parameters.unknown",
        "inputs.0.unknown",
        "outputs.0.parameters",
        "outputs.0.parameters.unknown",
        "outputs.0.unknown",
        "unknown",
    }
)
"""The places of `infer` where Triton 24.10 takes null; in all others, and in `generate`, it does
not.
"""
