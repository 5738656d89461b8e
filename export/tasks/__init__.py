"""The tasks that can be exported, one file each; a new task is a file here, its name in the manifest, and its line below."""

from collections.abc import Mapping

from export.tasks.task import Task
from export.tasks.text_classification import TEXT_CLASSIFICATION

TASKS: Mapping[str, Task] = {task.name: task for task in (TEXT_CLASSIFICATION,)}
