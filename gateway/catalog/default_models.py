"""Which model answers at a path that names none, as TEI's do: the configured one, else the only one of the path's task. Pure."""

from collections.abc import Mapping
from typing import Final

from gateway.catalog.catalog import Catalog, ServedModel
from gateway.errors import NotFound

TASKS: Final[Mapping[str, str | None]] = {
    "embed": "feature-extraction",
    "predict": "text-classification",
    "rerank": "text-ranking",
    "root": None,
}
"""The task of the models that each use may have; `root` (`/`, `/info`) has any."""


def default_model(use: str, configured: Mapping[str, str], catalog: Catalog) -> str:
    """The name of the default model for a use.

    Raises:
        NotFound: none is configured, and there is not exactly one; the message says what to do.
    """
    if use in configured:
        return configured[use]
    task = TASKS[use]
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
