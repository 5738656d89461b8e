"""PyTorch model → fp32 ONNX graph, with Optimum."""

import warnings
from pathlib import Path
from typing import Any

from optimum.exporters.onnx import onnx_export_from_model
from optimum.exporters.onnx.base import OnnxConfig
from optimum.exporters.tasks import TasksManager
from torch.jit._trace import TracerWarning

from export.errors import ExportError, first_line
from export.tasks.task import Task
from model_repository.manifest import GRAPH

_TOKEN_TYPES = "token_type_ids"  # noqa: S105 - no password


def export_onnx(model: Any, task: Task, folder: Path, *, token_types: bool = True) -> Path:
    """Export a model with dynamic batch and sequence axes to `folder/model.onnx`.

    Without `token_types` the graph is not given them: the model then does what it does where its
    tokenizer gives none, which for some is not the same as zeros.

    Raises:
        ExportError: Optimum does not know the architecture, or the graph is too large for one file.
    """
    # Optimum would copy the tokenizer that is there; the packaged one is written separately
    model.config._name_or_path = ""
    try:
        configs = None if token_types else {"model": _without_token_types(model, task)}
        with warnings.catch_warnings():
            # the tracer warns of constants: batches of other shapes check whether they are right
            warnings.simplefilter("ignore", TracerWarning)
            # which of torch's exporters to use is Optimum's choice
            warnings.simplefilter("ignore", DeprecationWarning)
            onnx_export_from_model(model, folder, task=task.optimum_task, monolith=True, do_validation=False, custom_onnx_configs=configs)
    except Exception as exc:  # Optimum and torch raise anything for a model that they do not know
        raise ExportError(f"Optimum cannot export {model.config.model_type} for {task.name}: {first_line(exc)}") from exc
    if beside := sorted(path.name for path in folder.glob(f"{GRAPH}_data*")):
        raise ExportError(
            f"the graph is larger than one ONNX file can be (2 GB): {', '.join(beside)} lies beside it, and a version is one file"
        )
    return folder / GRAPH


def _without_token_types(model: Any, task: Task) -> OnnxConfig:
    """Optimum's settings for a model, with one input less."""
    found = TasksManager.get_exporter_config_constructor("onnx", model=model, task=task.optimum_task, library_name="transformers")
    kind: Any = found.func
    inputs = kind.inputs.fget

    class Narrowed(kind):  # type: ignore[misc]
        """The architecture's settings without `token_type_ids`."""

        @property
        def inputs(self) -> dict[str, dict[int, str]]:
            return {name: axes for name, axes in inputs(self).items() if name != _TOKEN_TYPES}

    narrowed: OnnxConfig = Narrowed(model.config, **found.keywords)
    return narrowed
