"""Feature extraction: the embedding of a text."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.prediction import Item
from gateway.row import floats_of
from gateway.tasks.task import Instance
from model_repository.manifest import Manifest


class FeatureExtraction:
    """A prediction is the embedding, a list of numbers."""

    fields: tuple[str, ...] = ("text",)
    parameters: frozenset[str] = frozenset()

    def items(self, instance: Instance, parameters: Mapping[str, Any]) -> list[Item]:
        """The text."""
        return [Item(instance["text"])]

    def prediction(self, manifest: Manifest, rows: Sequence[bytes], parameters: Mapping[str, Any]) -> Any:
        """The embedding."""
        (row,) = rows
        return floats_of(row)
