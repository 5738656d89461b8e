"""Where a program keeps what it alone knows of a task: in the module of the task's name."""

from importlib import import_module
from types import ModuleType


class TaskFileError(ImportError):
    """A task has a row and a program has no file for it; the message names the file to write."""


def task_module(package: str, name: str) -> ModuleType:
    """The module of `package` for the task called `name`, hyphens written as underscores.

    Raises:
        TaskFileError: there is none.
    """
    module = f"{package}.{name.replace('-', '_')}"
    try:
        return import_module(module)
    except ModuleNotFoundError as exc:
        if exc.name != module:
            raise
        path = module.replace(".", "/")
        raise TaskFileError(
            f"{path}.py is missing: the task {name} has a row in model_repository/tasks.py, and needs a file in each program; "
            "see model_repository/README.md"
        ) from exc
