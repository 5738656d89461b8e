"""Zero-shot classification: the request's own labels, by how well they fit a text."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from gateway.errors import InvalidRequest
from gateway.request.json_types import Strict
from gateway.request.prediction import Item
from gateway.tasks.difference import Difference, of_scores
from gateway.tasks.instance import Labels, Text
from gateway.tasks.json_answers import answer_of, item_of, read
from gateway.tasks.task import Instance, Task
from model_repository.manifest import Manifest


class Parameters(Strict):
    """The labels, and what they mean."""

    candidate_labels: Labels | None = Field(None, description="zero-shot-classification: the labels to choose from, at most 1000")
    hypothesis_template: str | None = Field(None, description="zero-shot-classification: a sentence with {} for the label")
    multi_label: bool | None = Field(None, description="zero-shot-classification: whether several labels may hold")


class ZeroShotClassification:
    """A prediction is {"labels", "scores"}, best first."""

    instance: type[Strict] = Text
    parameters: type[Strict] = Parameters
    answers = '`{"labels", "scores"}`'

    def items(self, instance: Instance, parameters: Mapping[str, Any]) -> list[Item]:
        """The text with its candidate labels."""
        if not parameters.get("candidate_labels"):
            raise InvalidRequest("parameters.candidate_labels: this model needs the labels to choose from, a list of strings")
        return [item_of(instance, parameters)]

    def prediction(self, manifest: Manifest, rows: Sequence[bytes], parameters: Mapping[str, Any]) -> Any:
        """The labels with their scores."""
        return answer_of(rows)

    def difference(self, before: Manifest, row: bytes, after: Manifest, other: bytes) -> Difference:
        """By the scores of the labels."""
        scores, others = (dict(zip(answer["labels"], answer["scores"], strict=True)) for answer in (read(row), read(other)))
        return of_scores(scores, others)


TASK: Task = ZeroShotClassification()
