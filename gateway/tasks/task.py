"""What the gateway knows of a task: which instances it takes, and what its rows mean to a client.

An *instance* is what a client asks at once (a text, a question with its context, a query with its documents); it becomes one or
several *items*, and their rows become one *prediction*.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import orjson

from gateway.errors import InvalidRequest
from gateway.request.prediction import Item
from model_repository.manifest import Manifest

Instance = Mapping[str, Any]
"""The fields of an instance; a bare string is `{"text": …}`."""


class Task(Protocol):
    """One task of a packaged version."""

    fields: tuple[str, ...]
    """Names of an instance's fields, all of which it must have."""

    parameters: frozenset[str]
    """Names of the parameters that a request may bring."""

    def items(self, instance: Instance, parameters: Mapping[str, Any]) -> list[Item]:
        """The items of an instance; its fields are there and of their types.

        Raises:
            InvalidRequest: the instance and the version do not fit together.
        """

    def prediction(self, manifest: Manifest, rows: Sequence[bytes], parameters: Mapping[str, Any]) -> Any:
        """What a client reads of the rows of one instance, ready for JSON."""


def canonical(parameters: Mapping[str, Any]) -> bytes:
    """Parameters as they go to Triton and into the cache's key: equal ones as equal bytes, none as b""."""
    return orjson.dumps(parameters, option=orjson.OPT_SORT_KEYS) if parameters else b""


def require_parameters(task: Task, name: str, parameters: Mapping[str, Any]) -> None:
    """All parameters are ones that the task takes.

    Raises:
        InvalidRequest: names the one that is not, and those that are.
    """
    for given in parameters:
        if given not in task.parameters:
            known = ", ".join(sorted(task.parameters)) or "none"
            raise InvalidRequest(f"parameters.{given}: a model for {name} does not take it; it takes: {known}")


def require_task(manifest: Manifest, task: str) -> None:
    """The version is of this task.

    Raises:
        InvalidRequest: it is of another one.
    """
    if manifest.task != task:
        raise InvalidRequest(f"model {manifest.model} is for {manifest.task}; this path needs one for {task}")
