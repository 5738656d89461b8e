"""Text ranking: documents by how well they answer a query."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gateway.request.json_types import Strict
from gateway.request.prediction import Item
from gateway.request.row import floats_of
from gateway.tasks.difference import Difference, of_numbers
from gateway.tasks.function_to_apply import Function, FunctionToApply, options_beside
from gateway.tasks.instance import Prompted, Texts
from gateway.tasks.task import Instance, Task, canonical, settings_as
from model_repository.manifest import Manifest
from model_repository.postprocessing import TextRanking as Settings


class Ranking(Strict):
    """A query and the documents to rank."""

    query: str
    documents: Texts


class Parameters(FunctionToApply, Prompted):
    """How documents are scored, and how many come back."""


class Relevance(NamedTuple):
    """The score of a document, which its place in the request names."""

    document: int
    score: float


class TextRanking:
    """A prediction is a list of {"index", "score"}, the best document first.

    With `top_k` it has the k best. Each document is an item.
    """

    instance: type[Strict] = Ranking
    parameters: type[Strict] = Parameters
    answers = 'a list of `{"index", "score"}`, best first'

    def items(self, instance: Instance, parameters: Mapping[str, Any]) -> list[Item]:
        """The query beside each document."""
        options = canonical({name: value for name, value in parameters.items() if name != "top_k"})
        return [Item(instance["query"], document, options) for document in instance["documents"]]

    def prediction(self, manifest: Manifest, rows: Sequence[bytes], parameters: Mapping[str, Any]) -> Any:
        """The documents, best first."""
        return [{"index": at, "score": score} for at, score in ranking(rows)[: parameters.get("top_k")]]

    def difference(self, before: Manifest, row: bytes, after: Manifest, other: bytes) -> Difference:
        """By the score."""
        return of_numbers(floats_of(row)[0], floats_of(other)[0])


TASK: Task = TextRanking()


def settings_of(manifest: Manifest) -> Settings:
    """How the version scores documents.

    Raises:
        TypeError: the version has another task.
    """
    return settings_as(Settings, manifest)


def options_of(manifest: Manifest, function_to_apply: Function | None) -> bytes:
    """The parameters of items whose scores a request wants so; None: as the version does."""
    return options_beside(settings_of(manifest).function, function_to_apply)


def ranking(rows: Sequence[bytes]) -> list[Relevance]:
    """The documents of `rows`, best first; equals keep their order."""
    scores = [floats_of(row)[0] for row in rows]
    order = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)
    return [Relevance(i, round(scores[i], 7)) for i in order]
