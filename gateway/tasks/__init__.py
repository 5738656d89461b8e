"""The tasks as clients see them, each in the module of its name; `task_of` finds a version's.

A module's `TASK` is the task. Where the settings of a version say whether its items are pairs of
texts, `PAIR_TASK` is the task of those whose items are.
"""

from collections.abc import Iterator, Mapping

from gateway.tasks.task import Task
from model_repository.manifest import Manifest
from model_repository.task_files import task_module
from model_repository.tasks import TASKS


def _read_modules() -> Iterator[tuple[tuple[str, bool], Task]]:
    for name, row in TASKS.items():
        module = task_module(__name__, name)
        if callable(row.pair):
            yield (name, False), module.TASK
            yield (name, True), module.PAIR_TASK
        else:
            yield (name, row.pair), module.TASK


SERVED_TASKS: Mapping[tuple[str, bool], Task] = dict(_read_modules())
"""By their names and whether their items are pairs of texts, in the order of the registry."""


def task_of(manifest: Manifest) -> Task:
    """The task of a packaged version."""
    name = manifest.task
    return SERVED_TASKS[name, TASKS[name].takes_pairs(manifest.postprocessing)]
