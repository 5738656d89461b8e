"""PyTorch model → fp32 ONNX graph, with Optimum."""

import inspect
import warnings
from pathlib import Path
from typing import Any

from optimum.exporters.onnx import onnx_export_from_model
from optimum.exporters.onnx.base import OnnxConfig
from optimum.exporters.tasks import TasksManager
from torch.jit._trace import TracerWarning

from export.errors import ExportError, first_line
from export.graphs.onnx_file import settle
from export.tasks.task import Task
from model_repository.manifest import GRAPH

_TOKEN_TYPES = "token_type_ids"  # noqa: S105 - no password


def export_onnx(model: Any, task: Task, folder: Path, *, token_types: bool = True) -> Path:
    """Export a model with dynamic batch and sequence axes to `folder/model.onnx`.

    Weights of more than 2 GB lie beside it.

    The graph is given `token_types` where the model's tokenizer gives them. For some models none
    are not the same as zeros.

    Raises:
        ExportError: Optimum cannot export the architecture.
    """
    # Optimum would copy the tokenizer that is there; the packaged one is written separately
    model.config._name_or_path = ""
    try:
        changed = _with_token_types(model, task, wanted=token_types)
        with warnings.catch_warnings():
            # the tracer warns of constants: batches of other shapes check whether they are right
            warnings.simplefilter("ignore", TracerWarning)
            # which of torch's exporters to use is Optimum's choice
            warnings.simplefilter("ignore", DeprecationWarning)
            onnx_export_from_model(
                model,
                folder,
                task=task.optimum_task,
                monolith=True,
                do_validation=False,
                custom_onnx_configs=changed and {"model": changed},
            )
    except Exception as exc:  # Optimum and torch raise anything for a model that they do not know
        raise ExportError(f"Optimum cannot export {model.config.model_type} for {task.name}: {first_line(exc)}") from exc
    return settle(folder / GRAPH)


def _with_token_types(model: Any, task: Task, *, wanted: bool) -> OnnxConfig | None:
    """Optimum's settings for a model with or without this input; None: its usual ones are right."""
    found = TasksManager.get_exporter_config_constructor("onnx", model=model, task=task.optimum_task, library_name="transformers")
    kind: Any = found.func
    inputs = kind.inputs.fget
    usual = inputs(found(model.config))
    if (_TOKEN_TYPES in usual) == wanted or (wanted and _TOKEN_TYPES not in inspect.signature(model.forward).parameters):
        return None

    class Changed(kind):  # type: ignore[misc]
        """The architecture's settings with other inputs."""

        @property
        def inputs(self) -> dict[str, dict[int, str]]:
            own = {name: axes for name, axes in inputs(self).items() if name != _TOKEN_TYPES}
            return {**own, _TOKEN_TYPES: own["input_ids"]} if wanted else own

    changed: OnnxConfig = Changed(model.config, **found.keywords)
    return changed
