"""Text classification: labels and scores of a text, or of a pair of texts."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gateway.request.prediction import Item
from gateway.request.row import floats_of
from gateway.tasks.task import Instance
from model_repository.manifest import Manifest
from model_repository.postprocessing import TextClassification as Settings

DEFAULT_THRESHOLD = 0.5


class Score(NamedTuple):
    """A label and its score."""

    label: str
    score: float


class TextClassification:
    """A prediction is the best label; with `top_k` the k best as a list; of several labels that may hold at once, those that do."""

    fields: tuple[str, ...] = ("text",)
    parameters = frozenset({"top_k"})

    def items(self, instance: Instance, parameters: Mapping[str, Any]) -> list[Item]:
        """The text."""
        return [Item(instance["text"])]

    def prediction(self, manifest: Manifest, rows: Sequence[bytes], parameters: Mapping[str, Any]) -> Any:
        """{"label", "score"}, or a list of them."""
        (row,) = rows
        if (top_k := parameters.get("top_k")) is not None:
            return [score._asdict() for score in ranked(row, manifest.labels)[:top_k]]
        settings = manifest.postprocessing
        function = settings.function if isinstance(settings, Settings) else "softmax"
        if function == "softmax" or len(manifest.labels) == 1:
            return best(row, manifest.labels)._asdict()
        everything = ranked(row, manifest.labels)
        if function == "identity":
            return [score._asdict() for score in everything]
        return [score._asdict() for score in everything if score.score >= _thresholds(manifest)[score.label]]


class PairClassification(TextClassification):
    """As of one text."""

    fields: tuple[str, ...] = ("text", "text_pair")

    def items(self, instance: Instance, parameters: Mapping[str, Any]) -> list[Item]:
        """The pair."""
        return [Item(instance["text"], instance["text_pair"])]


def best(row: bytes, labels: tuple[str, ...]) -> Score:
    """The label with the highest score."""
    scores = floats_of(row)
    score = max(scores)
    return Score(labels[scores.index(score)], round(score, 7))


def ranked(row: bytes, labels: tuple[str, ...]) -> list[Score]:
    """All labels, the highest score first."""
    scores = floats_of(row)
    order = sorted(range(len(labels)), key=scores.__getitem__, reverse=True)
    return [Score(labels[i], round(scores[i], 7)) for i in order]


def _thresholds(manifest: Manifest) -> dict[str, float]:
    given = manifest.postprocessing.thresholds if isinstance(manifest.postprocessing, Settings) else None
    return dict(zip(manifest.labels, given or [DEFAULT_THRESHOLD] * len(manifest.labels), strict=True))
