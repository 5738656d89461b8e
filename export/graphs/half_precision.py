"""fp32 → fp16 for GPUs: weights and arithmetic in half precision, inputs and outputs as before."""

from pathlib import Path

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

from model_repository.manifest import GRAPH


def to_float16(graph: Path, folder: Path) -> Path:
    """Write the fp16 graph to `folder/model.onnx`; `graph` stays as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(convert_float_to_float16(onnx.load(graph), keep_io_types=True), folder / GRAPH)
    return folder / GRAPH
