"""What the gateway knows of a task: the instances that it takes, and what its rows mean.

An *instance* is what a client asks at once (a text, a question with its context, a query with its
documents). It becomes one or several *items*, and their rows become one *prediction*.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import orjson

from gateway.errors import InvalidRequest
from gateway.request.json_types import Strict
from gateway.request.prediction import Item
from gateway.tasks.difference import Difference
from gateway.tasks.instance import fields_of
from model_repository.manifest import Manifest
from model_repository.postprocessing import Postprocessing
from model_repository.tasks import TASK_BY_USE, Use

Settings = TypeVar("Settings", bound=Postprocessing)
Instance = Mapping[str, Any]
"""The fields of an instance, its texts in UTF-8; a bare string is `{"text": …}`."""


class Task(Protocol):
    """One task of a packaged version."""

    instance: type[Strict]
    """An instance as it stands in JSON: fields that are texts or `Texts`, all of them required."""

    parameters: type[Strict]
    """The parameters that a request may bring; each has a description and None as its default."""

    answers: str
    """What a prediction is, in Markdown, for the documentation."""

    def items(self, instance: Instance, parameters: Mapping[str, Any]) -> list[Item]:
        """The items of an instance.

        Raises:
            InvalidRequest: the parameters do not fit.
        """

    def prediction(self, manifest: Manifest, rows: Sequence[bytes], parameters: Mapping[str, Any]) -> Any:
        """What a client reads of the rows of one instance, ready for JSON."""

    def difference(self, before: Manifest, row: bytes, after: Manifest, other: bytes) -> Difference:
        """How the row of the version `after` differs from that of `before` for the same item.

        Raises:
            ValueError: the rows cannot be compared.
        """


def canonical(parameters: Mapping[str, Any]) -> bytes:
    """Parameters as they go to Triton and into the cache's key.

    Equal parameters become equal bytes; none become b"".
    """
    return orjson.dumps(parameters, option=orjson.OPT_SORT_KEYS) if parameters else b""


def require_parameters(task: Task, name: str, parameters: Mapping[str, Any]) -> None:
    """All parameters are ones that the task takes.

    Raises:
        InvalidRequest: names the one that is not, and those that are.
    """
    for given in parameters:
        if given not in (known := fields_of(task.parameters)):
            takes = ", ".join(sorted(known)) or "none"
            raise InvalidRequest(f"parameters.{given}: a model for {name} does not take it; it takes: {takes}")


def require_use(manifest: Manifest, use: Use) -> None:
    """The version answers at the paths of this use.

    Raises:
        InvalidRequest: its task is not the one that does.
    """
    if manifest.task != (task := TASK_BY_USE[use]):
        raise InvalidRequest(f"model {manifest.model} is for {manifest.task}; this path needs one for {task}")


def settings_as(kind: type[Settings], manifest: Manifest) -> Settings:
    """The settings of a version whose task has settings of this kind.

    Raises:
        TypeError: the version has another task.
    """
    settings = manifest.postprocessing
    if not isinstance(settings, kind):
        raise TypeError(f"a version for {manifest.task} has no settings of the kind {kind.__name__}")
    return settings
