"""Fuse an ONNX graph's nodes with ONNX Runtime's offline optimizer, through Optimum.

Only a measurement on the target shows whether it pays.
"""

import os
import shutil
from pathlib import Path

import onnx
from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference
from optimum.onnxruntime import ORTOptimizer
from optimum.onnxruntime.configuration import AutoOptimizationConfig
from optimum.onnxruntime.utils import ORTConfigManager
from transformers import PretrainedConfig

from export.errors import ExportError, first_line
from export.graphs.graph import ORT_ERRORS
from export.graphs.onnx_file import has_data, load_nodes, settle
from model_repository.manifest import GRAPH, graph_files
from model_repository.measured import Optimization, Target


def is_optimizable(config: PretrainedConfig) -> bool:
    """Whether Optimum knows how to fuse the nodes of this architecture."""
    try:
        ORTConfigManager.check_optimization_supported_model(config.model_type, AutoOptimizationConfig.O2())
    except (KeyError, NotImplementedError):
        return False
    return True


def optimize(graph: Path, folder: Path, level: Optimization, config: PretrainedConfig, target: Target) -> Path:
    """Write the optimized graph to `folder/model.onnx`; `graph` stays as it is.

    O1 folds constants, O2 also fuses nodes, O3 also approximates GELU, O4 is O3 in half precision;
    each as Optimum defines it. Fused nodes hide the types of their outputs, which the quantizer
    needs: the types are inferred and written into the graph.

    Raises:
        ExportError: the optimizer does not know the architecture.
    """
    on_gpu = target == "gpu"
    # on a CPU that node is slower than the two that it replaces, see `headrace_backend.fusions`
    settings = AutoOptimizationConfig.with_optimization_level(level, for_gpu=on_gpu, disable_skip_layer_norm_fusion=not on_gpu)
    source = _linked(graph, folder / "source") if has_data(graph) else graph
    try:
        ORTOptimizer([source], config).optimize(settings, folder, file_suffix="")
    except ORT_ERRORS as exc:
        why = first_line(exc)
        raise ExportError(f"optimization {level} is not possible for {config.model_type} ({why}); remove the field optimization") from exc
    if source != graph:
        shutil.rmtree(source.parent)
    optimized = settle(folder / GRAPH)
    # the types of weights that lie beside the graph are known without them
    typed = SymbolicShapeInference.infer_shapes(load_nodes(optimized), auto_merge=True)
    onnx.save(typed, optimized)
    return optimized


def _linked(graph: Path, folder: Path) -> Path:
    """A graph and its weights once more: Optimum removes the weights of what it has optimized."""
    folder.mkdir(parents=True)
    for path in graph_files(graph):
        os.link(path, folder / path.name)
    return folder / graph.name
