"""Token classification: the entities of a text."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from gateway.request.json_types import Strict
from gateway.request.prediction import Item
from gateway.tasks.difference import Difference, of_spans
from gateway.tasks.instance import Text
from gateway.tasks.json_answers import answer_of, item_of, read
from gateway.tasks.task import Instance, Task, settings_as
from model_repository.manifest import Manifest
from model_repository.postprocessing import TokenClassification as Settings


class Parameters(Strict):
    """How tokens become entities."""

    aggregation_strategy: str | None = Field(None, description="token-classification: none, simple, first, average or max")


class TokenClassification:
    """A prediction is a list of entities {"label", "score", "start", "end"}."""

    instance: type[Strict] = Text
    parameters: type[Strict] = Parameters
    answers = 'a list of `{"label", "score", "start", "end"}`'

    def items(self, instance: Instance, parameters: Mapping[str, Any]) -> list[Item]:
        """The text."""
        return [item_of(instance, parameters)]

    def prediction(self, manifest: Manifest, rows: Sequence[bytes], parameters: Mapping[str, Any]) -> Any:
        """The entities."""
        return answer_of(rows)

    def difference(self, before: Manifest, row: bytes, after: Manifest, other: bytes) -> Difference:
        """By the entities."""
        return of_spans(read(row), read(other))


TASK: Task = TokenClassification()


def settings_of(manifest: Manifest) -> Settings:
    """How the version finds entities.

    Raises:
        TypeError: the version has another task.
    """
    return settings_as(Settings, manifest)
