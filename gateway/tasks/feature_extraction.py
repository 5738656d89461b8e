"""Feature extraction: the embedding of a text."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from gateway.request.json_types import Strict
from gateway.request.prediction import Item
from gateway.request.row import floats_of, value_of
from gateway.tasks.difference import Difference, of_vectors
from gateway.tasks.float32_json import raw_as_json
from gateway.tasks.instance import Prompted, Text
from gateway.tasks.json_answers import item_of
from gateway.tasks.task import Instance, Task, canonical, settings_as
from model_repository.manifest import Manifest
from model_repository.postprocessing import FeatureExtraction as Settings


class Parameters(Prompted):
    """How the embedding is made."""

    normalize: bool | None = Field(None, description="feature-extraction: whether embeddings are brought to length 1")


class FeatureExtraction:
    """A prediction is the embedding, a list of numbers."""

    instance: type[Strict] = Text
    parameters: type[Strict] = Parameters
    answers = "a list of numbers"

    def items(self, instance: Instance, parameters: Mapping[str, Any]) -> list[Item]:
        """The text."""
        return [item_of(instance, parameters)]

    def prediction(self, manifest: Manifest, rows: Sequence[bytes], parameters: Mapping[str, Any]) -> Any:
        """The embedding."""
        (row,) = rows
        return raw_as_json(value_of(row))

    def difference(self, before: Manifest, row: bytes, after: Manifest, other: bytes) -> Difference:
        """By the angle between the embeddings."""
        return of_vectors(floats_of(row), floats_of(other))


TASK: Task = FeatureExtraction()


def settings_of(manifest: Manifest) -> Settings:
    """How the version makes embeddings.

    Raises:
        TypeError: the version has another task.
    """
    return settings_as(Settings, manifest)


def options_of(
    manifest: Manifest,
    *,
    prompt_name: str | None = None,
    input_type: Literal["query", "document"] | None = None,
    normalize: bool | None = None,
) -> bytes:
    """The parameters of items whose embeddings a request wants so; None: as the version does.

    What the version does anyway is left out, so that requests which say it share the cache's
    entries with those that do not.
    """
    wanted = {
        "prompt_name": prompt_name,
        "input_type": input_type,
        "normalize": None if normalize == settings_of(manifest).normalize else normalize,
    }
    return canonical({name: value for name, value in wanted.items() if value is not None})


def dimensions_of(manifest: Manifest) -> list[int]:
    """The lengths that an embedding may have.

    They are its own, and those at which the model was trained to be cut.
    """
    settings = settings_of(manifest)
    return sorted({*settings.matryoshka_dimensions, settings.dimension})


def embedding_of(row: bytes, dimension: int | None = None, *, normalize: bool = False) -> tuple[float, ...]:
    """The first `dimension` numbers of an embedding (None: all).

    They are brought to Euclidean length 1 where `normalize`.
    """
    numbers = floats_of(row)[:dimension]
    if not normalize:
        return numbers
    length = math.hypot(*numbers) or 1.0
    return tuple(number / length for number in numbers)
