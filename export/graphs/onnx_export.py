"""PyTorch model → fp32 ONNX graph, with Optimum."""

import warnings
from pathlib import Path
from typing import Any

from optimum.exporters.onnx import onnx_export_from_model
from torch.jit._trace import TracerWarning

from export.errors import ExportError, first_line
from export.tasks.task import Task
from model_repository.manifest import GRAPH


def export_onnx(model: Any, task: Task, folder: Path) -> Path:
    """Export a model with dynamic batch and sequence axes to `folder/model.onnx`.

    Raises:
        ExportError: Optimum does not know the architecture, or the graph is too large for one file.
    """
    # Optimum would copy the tokenizer that is there; the packaged one is written separately
    model.config._name_or_path = ""
    try:
        with warnings.catch_warnings():
            # the tracer warns of constants: batches of other shapes check whether they are right
            warnings.simplefilter("ignore", TracerWarning)
            # which of torch's exporters to use is Optimum's choice
            warnings.simplefilter("ignore", DeprecationWarning)
            onnx_export_from_model(model, folder, task=task.optimum_task, monolith=True, do_validation=False)
    except (ValueError, KeyError, NotImplementedError, RuntimeError) as exc:  # what Optimum and torch raise for a model they do not know
        raise ExportError(f"Optimum cannot export {model.config.model_type} for {task.name}: {first_line(exc)}") from exc
    if beside := sorted(path.name for path in folder.glob(f"{GRAPH}_data*")):
        raise ExportError(
            f"the graph is larger than one ONNX file can be (2 GB): {', '.join(beside)} lies beside it, and a version is one file"
        )
    return folder / GRAPH
