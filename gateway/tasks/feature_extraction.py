"""Feature extraction: the embedding of a text."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.request.prediction import Item
from gateway.request.row import floats_of
from gateway.tasks.task import Instance
from model_repository import postprocessing
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


def settings_of(manifest: Manifest) -> postprocessing.FeatureExtraction:
    """How the version makes embeddings.

    Raises:
        TypeError: it makes none.
    """
    settings = manifest.postprocessing
    if not isinstance(settings, postprocessing.FeatureExtraction):
        raise TypeError(f"a version for {manifest.task} makes no embeddings")
    return settings


def dimensions_of(manifest: Manifest) -> list[int]:
    """The lengths that an embedding may have: its own, and those at which the model was trained to be cut."""
    settings = settings_of(manifest)
    return sorted({*settings.matryoshka_dimensions, settings.dimension})


def embedding_of(row: bytes, dimension: int | None = None, *, normalize: bool = False) -> tuple[float, ...]:
    """The first `dimension` numbers of an embedding (None: all), brought to Euclidean length 1 where `normalize`."""
    numbers = floats_of(row)[:dimension]
    if not normalize:
        return numbers
    length = math.hypot(*numbers) or 1.0
    return tuple(number / length for number in numbers)
