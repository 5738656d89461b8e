"""fp32 → fp16 for GPUs: weights and arithmetic in half precision, inputs and outputs as before."""

from pathlib import Path

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

from export.errors import ExportError, first_line
from export.graphs.graph import ORT_ERRORS
from export.graphs.onnx_file import has_data, save
from model_repository.manifest import GRAPH


def to_float16(graph: Path, folder: Path) -> Path:
    """Write the fp16 graph to `folder/model.onnx`; `graph` stays as it is.

    Raises:
        ExportError: the converter cannot work on the graph.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        # shapes of a graph whose weights lie beside it are inferred from its file
        half = convert_float_to_float16(str(graph) if has_data(graph) else onnx.load(graph), keep_io_types=True)
    except ORT_ERRORS as exc:
        raise ExportError(f"the graph cannot be converted to half precision: {first_line(exc)}; use precision: fp32") from exc
    save(half, folder / GRAPH)
    return folder / GRAPH
