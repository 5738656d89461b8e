"""The tasks that a packaged version can have: each is a module here, named as the manifest says.

The module's `TASK` makes the task from a manifest.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from headrace_backend.tasks.task import Task
from headrace_backend.tokenizer import Fit

__all__ = ["TASKS", "Task", "fit_of", "task_of"]

_MODULES = {module.name.replace("_", "-"): import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)}
TASKS: Mapping[str, Callable[[Mapping[str, Any]], Task]] = {
    name: module.TASK for name, module in _MODULES.items() if hasattr(module, "TASK")
}


def task_of(manifest: Mapping[str, Any]) -> Task:
    """The task of a packaged version.

    Raises:
        ValueError: its task is not known.
    """
    name = manifest["task"]
    if name not in TASKS:
        raise ValueError(f"Task {name} is not known; known are {', '.join(TASKS)}.")
    return TASKS[name](manifest)


def fit_of(manifest: Mapping[str, Any], task: Task) -> Fit:
    """How the texts of a packaged version are made to fit into its model."""
    windows = manifest.get("windows") or {}
    stride = windows.get("stride") if task.stride is None else task.stride
    return Fit(manifest["max_length"], stride, task.cut, task.offsets)
