"""The tasks that can be exported, each in the module of its name, as `TASK`."""

from collections.abc import Mapping

from export.tasks.task import Task
from model_repository import tasks
from model_repository.task_files import task_module

TASKS: Mapping[str, Task] = {name: task_module(__name__, name).TASK for name in tasks.TASKS}
"""By their names, in the order of the registry."""
