"""Dynamic int8 quantization for a CPU's instruction set: weights per channel, activations by the range of each batch."""

import platform
from pathlib import Path

from optimum.onnxruntime import AutoQuantizationConfig, ORTQuantizer
from transformers import PretrainedConfig

from export.errors import ExportError
from export.recipe import InstructionSet
from model_repository.manifest import GRAPH

_CPUINFO = Path("/proc/cpuinfo")


def detect_instruction_set(machine: str | None = None, cpuinfo: str | None = None) -> InstructionSet:
    """The instruction set of this machine's CPU; `machine` and the text of `/proc/cpuinfo` can be given instead of read.

    Signed 8-bit weights are right where the CPU has vector neural network instructions (AVX512-VNNI, AVX-VNNI) and saturate where it has
    not: `avx2` then takes unsigned ones.
    """
    if (machine or platform.machine()).lower() in ("aarch64", "arm64"):
        return "arm64"
    if cpuinfo is None:
        cpuinfo = _CPUINFO.read_text() if _CPUINFO.exists() else ""
    flags = next((set(line.split()) for line in cpuinfo.splitlines() if line.startswith("flags")), set())
    return "avx512_vnni" if flags & {"avx512_vnni", "avx_vnni"} else "avx2"


def quantize(graph: Path, folder: Path, instruction_set: InstructionSet, config: PretrainedConfig) -> Path:
    """Write the int8 graph to `folder/model.onnx`; `graph` stays as it is.

    Raises:
        ExportError: `folder` is where `graph` lies, or the quantizer cannot work on the graph.
    """
    if folder.resolve() == graph.parent.resolve():
        raise ExportError(f"quantization would overwrite its own input {graph}")
    settings = getattr(AutoQuantizationConfig, instruction_set)(is_static=False, per_channel=True)
    try:
        ORTQuantizer(graph, config).quantize(settings, folder, file_suffix="")
    except (RuntimeError, ValueError) as exc:
        raise ExportError(f"the graph cannot be quantized: {str(exc).splitlines()[0]}") from exc
    return folder / GRAPH
