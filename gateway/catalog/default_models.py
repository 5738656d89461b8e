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


ANY_MODEL: Final = "text-embeddings-inference"
"""The model that TEI's documentation has OpenAI's clients name; TEI answers with its only one."""


def named_or_default(named: str | None, use: str, configured: Mapping[str, str], catalog: Catalog) -> str:
    """The model that a request names, or the default model for its use where it names none.

    Raises:
        NotFound: as `default_model`.
    """
    if named is not None and (named != ANY_MODEL or catalog.name_of(named) in catalog.models):
        return named
    return default_model(use, configured, catalog)


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
    for_task = f" for {task}" if task else ""
    raise NotFound(
        f"no default model{for_task} ({there_are}); name one in the path or the body, or set HEADRACE_DEFAULT_MODELS={use}=MODEL"
    )


def task_of(model: ServedModel) -> str:
    """The task of the version that answers by default."""
    return model.versions[model.default_version].manifest.task
