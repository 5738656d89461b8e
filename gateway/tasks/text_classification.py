"""Text classification: labels and scores of a text, or of a pair of texts."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gateway.request.json_types import Strict
from gateway.request.prediction import Item
from gateway.request.row import floats_of
from gateway.tasks.difference import Difference, of_numbers, of_scores
from gateway.tasks.function_to_apply import Function, FunctionToApply, options, options_beside
from gateway.tasks.instance import Text
from gateway.tasks.task import Instance, Task, settings_as
from model_repository.manifest import Manifest
from model_repository.postprocessing import TextClassification as Settings

DEFAULT_THRESHOLD = 0.5


class Score(NamedTuple):
    """A label and its score."""

    label: str
    score: float


class TextPair(Strict):
    """A pair of texts, for models that classify pairs."""

    text: str
    text_pair: str


class TextClassification:
    """A prediction is the best label; with `top_k` the k best as a list.

    Where several labels may hold at once, it is a list of those that do; all of them where the
    request says which function to apply.
    """

    instance: type[Strict] = Text
    parameters: type[Strict] = FunctionToApply
    answers = '`{"label", "score"}`, or a list of them with `top_k` and where several labels may hold'

    def items(self, instance: Instance, parameters: Mapping[str, Any]) -> list[Item]:
        """The text."""
        return [Item(instance["text"], None, options(parameters))]

    def prediction(self, manifest: Manifest, rows: Sequence[bytes], parameters: Mapping[str, Any]) -> Any:
        """{"label", "score"}, or a list of them."""
        (row,) = rows
        if (top_k := parameters.get("top_k")) is not None:
            return [score._asdict() for score in ranked(row, manifest.labels)[:top_k]]
        function = settings_of(manifest).function
        if function == "softmax" or len(manifest.labels) == 1:
            return best(row, manifest.labels)._asdict()
        everything = ranked(row, manifest.labels)
        if function == "identity" or parameters.get("function_to_apply") is not None:
            return [score._asdict() for score in everything]
        return [score._asdict() for score in everything if score.score >= _thresholds(manifest)[score.label]]

    def difference(self, before: Manifest, row: bytes, after: Manifest, other: bytes) -> Difference:
        """By the scores of the labels; of one number alone, by this."""
        if len(before.labels) == 1:
            return of_numbers(floats_of(row)[0], floats_of(other)[0])
        scores, others = (dict(zip(one.labels, floats_of(of), strict=True)) for one, of in ((before, row), (after, other)))
        return of_scores(scores, others)


class PairClassification(TextClassification):
    """The same for a pair of texts."""

    instance: type[Strict] = TextPair

    def items(self, instance: Instance, parameters: Mapping[str, Any]) -> list[Item]:
        """The pair."""
        return [Item(instance["text"], instance["text_pair"], options(parameters))]


TASK: Task = TextClassification()
PAIR_TASK: Task = PairClassification()


def settings_of(manifest: Manifest) -> Settings:
    """How the version scores labels.

    Raises:
        TypeError: the version has another task.
    """
    return settings_as(Settings, manifest)


def options_of(manifest: Manifest, function_to_apply: Function | None) -> bytes:
    """The parameters of items whose scores a request wants so; None: as the version does."""
    return options_beside(settings_of(manifest).function, function_to_apply)


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
    given = settings_of(manifest).thresholds or [DEFAULT_THRESHOLD] * len(manifest.labels)
    return dict(zip(manifest.labels, given, strict=True))
