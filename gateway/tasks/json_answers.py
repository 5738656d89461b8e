"""The tasks whose answers are JSON already: entities, spans, labels of the request's own. Their parameters change the answer."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from gateway.errors import InvalidRequest
from gateway.request.prediction import Item
from gateway.request.row import value_of
from gateway.tasks.task import Instance, canonical
from model_repository.manifest import Manifest


class _JsonAnswer:
    fields: tuple[str, ...] = ("text",)

    def items(self, instance: Instance, parameters: Mapping[str, Any]) -> list[Item]:
        """The instance's texts with the parameters."""
        text, *pair = (instance[field] for field in self.fields)
        return [Item(text, pair[0] if pair else None, canonical(parameters))]

    def prediction(self, manifest: Manifest, rows: Sequence[bytes], parameters: Mapping[str, Any]) -> Any:
        """The answer as Triton gave it."""
        (row,) = rows
        return orjson.Fragment(value_of(row))


class TokenClassification(_JsonAnswer):
    """A prediction is a list of entities {"label", "score", "start", "end"}."""

    parameters = frozenset({"aggregation_strategy"})


class QuestionAnswering(_JsonAnswer):
    """A prediction is a list of {"answer", "start", "end", "score"}, best first."""

    fields: tuple[str, ...] = ("question", "context")
    parameters = frozenset({"top_k", "max_answer_length", "handle_impossible_answer"})


class ZeroShotClassification(_JsonAnswer):
    """A prediction is {"labels", "scores"}, best first."""

    parameters = frozenset({"candidate_labels", "hypothesis_template", "multi_label"})

    def items(self, instance: Instance, parameters: Mapping[str, Any]) -> list[Item]:
        """The text with its candidate labels."""
        if not parameters.get("candidate_labels"):
            raise InvalidRequest("parameters.candidate_labels: this model needs the labels to choose from, a list of strings")
        return super().items(instance, parameters)
