"""Which model answers at a path that names none, as TEI's do. Pure.

It is the one that is configured for the path's use, else the only one of the task that has the use.
"""

from collections.abc import Mapping
from typing import Final

from gateway.catalog.catalog import Catalog, ServedModel
from gateway.errors import NotFound
from model_repository.tasks import TASK_BY_USE

USES: Final[Mapping[str, str | None]] = {**dict(sorted(TASK_BY_USE.items())), "root": None}
"""The task of each use's models; `root` (`/`, `/info`) has models of any."""


def default_model(use: str, configured: Mapping[str, str], catalog: Catalog) -> str:
    """The name of the default model for a use.

    Raises:
        NotFound: none is configured, and there is not exactly one; the message says what to do.
    """
    if use in configured:
        return configured[use]
    task = USES[use]
    found = sorted(name for name, model in catalog.models.items() if task is None or task_of(model) == task)
    if len(found) == 1:
        return found[0]
    there_are = f"there are: {', '.join(found)}" if found else "there is none"
    raise NotFound(
        f"no default model{f' for {task}' if task else ''} ({there_are}); ask at /models/MODEL, or set HEADRACE_DEFAULT_MODELS={use}=MODEL"
    )


def task_of(model: ServedModel) -> str:
    """The task of the version that answers by default."""
    return model.versions[model.default_version].manifest.task
