"""ONNX graphs as files: one, or with the weights in a second one beside it.

One file holds at most 2 GiB, which is protobuf's limit: an fp32 model of 500 million parameters.
"""

from pathlib import Path

import onnx
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from model_repository.manifest import graph_files

LARGEST_FILE_BYTES = 2**31 - 2**24
"""A graph whose weights are larger has them beside it; nodes and names need the rest."""
SMALLEST_TENSOR_BYTES = 1024
"""Smaller tensors stay in the graph: tools read shapes from them without loading the weights."""


def size_bytes(graph: Path) -> int:
    """Bytes of a graph with its weights."""
    return sum(path.stat().st_size for path in graph_files(graph))


def has_data(graph: Path) -> bool:
    """Whether a graph's weights lie beside it."""
    return len(graph_files(graph)) > 1


def save(model: onnx.ModelProto, graph: Path) -> None:
    """Write a graph with its weights, in a second file where one cannot hold them."""
    for path in graph_files(graph):
        path.unlink(missing_ok=True)
    weights = sum(len(tensor.raw_data) for tensor in model.graph.initializer)
    if weights <= LARGEST_FILE_BYTES:
        onnx.save(model, graph)
        return
    onnx.save(model, graph, save_as_external_data=True, location=f"{graph.name}_data", size_threshold=SMALLEST_TENSOR_BYTES)


def settle(graph: Path) -> Path:
    """Bring a graph that a tool wrote into the form of `save`; returns its path."""
    beside = {graph.with_name(name) for name in _locations(onnx.load(graph, load_external_data=False))}
    if beside or graph.stat().st_size > LARGEST_FILE_BYTES:
        model = onnx.load(graph)
        for path in beside:
            path.unlink()
        save(model, graph)
    return graph


def load_nodes(graph: Path) -> onnx.ModelProto:
    """A graph without the weights that lie beside it."""
    return onnx.load(graph, load_external_data=False)


def _locations(model: onnx.ModelProto) -> set[str]:
    return {ExternalDataInfo(tensor).location for tensor in model.graph.initializer if uses_external_data(tensor)}
