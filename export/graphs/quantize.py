"""int8 quantization of an ONNX graph, through Optimum.

Dynamic, for a CPU's instruction set: weights per channel, activations by the range of each batch.
Static, for TensorRT: the ranges were calibrated on texts before.
"""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from onnxruntime.quantization.calibrate import TensorsData
from optimum.onnxruntime import AutoQuantizationConfig, ORTQuantizer
from optimum.onnxruntime.configuration import QuantizationConfig
from transformers import PretrainedConfig

from export.errors import ExportError, first_line
from export.graphs.graph import ORT_ERRORS
from export.graphs.onnx_file import has_data, settle
from export.graphs.qdq import unquantize_other_readers
from export.recipe.recipe import InstructionSet
from model_repository.manifest import GRAPH

STATIC_OPERATORS = ["MatMul"]
"""What static int8 quantizes.

The attention mask's Add is left alone, as its -3e38 would take all of a range; so is the head's
Gemm, whose bias ONNX Runtime would quantize to int32, which TensorRT does not take.
"""

_CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Nodes:
    """Which of the quantizable nodes to quantize, by name.

    `only` these (empty: all), and none of `exclude`.
    """

    only: Sequence[str] = ()
    exclude: Sequence[str] = ()


def detect_instruction_set(machine: str | None = None, cpuinfo: str | None = None) -> InstructionSet:
    """The instruction set of this machine's CPU.

    `machine` and the text of `/proc/cpuinfo` can be given instead of read. Signed 8-bit weights are
    right where the CPU has vector neural network instructions (AVX512-VNNI, AVX-VNNI) and saturate
    elsewhere: `avx2` then takes unsigned ones.
    """
    if (machine or platform.machine()).lower() in ("aarch64", "arm64"):
        return "arm64"
    if cpuinfo is None:
        cpuinfo = _CPUINFO.read_text() if _CPUINFO.exists() else ""
    flags = next((set(line.split()) for line in cpuinfo.splitlines() if line.startswith("flags")), set())
    return "avx512_vnni" if flags & {"avx512_vnni", "avx_vnni"} else "avx2"


def quantize(graph: Path, folder: Path, instruction_set: InstructionSet, config: PretrainedConfig, nodes: Nodes | None = None) -> Path:
    """Write the dynamic int8 graph to `folder/model.onnx`; `graph` stays as it is.

    Raises:
        ExportError: `folder` is where `graph` lies, or the quantizer cannot work on the graph.
    """
    only, exclude = _named(nodes or Nodes())
    settings = getattr(AutoQuantizationConfig, instruction_set)(
        is_static=False, per_channel=True, nodes_to_quantize=only, nodes_to_exclude=exclude
    )
    return _quantize(graph, folder, settings, config, None)


def quantize_static(graph: Path, folder: Path, ranges: TensorsData, config: PretrainedConfig, nodes: Nodes | None = None) -> Path:
    """Write the static int8 graph to `folder/model.onnx`; `graph` stays as it is.

    It is as TensorRT wants it, with calibrated `ranges`: QuantizeLinear/DequantizeLinear pairs
    before the inputs of quantized nodes, one for each reader of a tensor, also on weights (which
    therefore stay fp32 in the file), everything symmetric, weights per channel.

    Raises:
        ExportError: `folder` is the folder of `graph`, or the quantizer cannot work on the graph.
    """
    nodes = nodes or Nodes()
    settings = AutoQuantizationConfig.tensorrt(
        per_channel=True,
        nodes_to_quantize=list(nodes.only),
        nodes_to_exclude=list(nodes.exclude),
        operators_to_quantize=STATIC_OPERATORS,
    )
    written = _quantize(graph, folder, settings, config, ranges)
    unquantize_other_readers(written, STATIC_OPERATORS)
    return written


def _quantize(graph: Path, folder: Path, settings: QuantizationConfig, config: PretrainedConfig, ranges: TensorsData | None) -> Path:
    if folder.resolve() == graph.parent.resolve():
        raise ExportError(f"quantization would overwrite its own input {graph}")
    try:
        ORTQuantizer(graph, config).quantize(
            settings, folder, file_suffix="", calibration_tensors_range=ranges, use_external_data_format=has_data(graph)
        )
    except ORT_ERRORS as exc:
        raise ExportError(f"the graph cannot be quantized: {first_line(exc)}") from exc
    return settle(folder / GRAPH)


def _named(nodes: Nodes) -> tuple[list[str], list[str]]:
    """Names as the dynamic quantizer has them: it first makes each Gemm `x` a MatMul `x_MatMul`."""
    only, exclude = ([name for node in names for name in (node, f"{node}_MatMul")] for names in (nodes.only, nodes.exclude))
    return only, exclude
