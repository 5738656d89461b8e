"""Text ranking: documents by how well they answer a query."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gateway.request.prediction import Item
from gateway.request.row import floats_of
from gateway.tasks.task import Instance
from model_repository.manifest import Manifest


class Relevance(NamedTuple):
    """The score of a document, which is told by its place in the request."""

    document: int
    score: float


class TextRanking:
    """A prediction is a list of {"index", "score"}, the best document first; with `top_k` the k best. Each document is an item."""

    fields: tuple[str, ...] = ("query", "documents")
    parameters = frozenset({"top_k"})

    def items(self, instance: Instance, parameters: Mapping[str, Any]) -> list[Item]:
        """The query beside each document."""
        return [Item(instance["query"], document) for document in instance["documents"]]

    def prediction(self, manifest: Manifest, rows: Sequence[bytes], parameters: Mapping[str, Any]) -> Any:
        """The documents, best first."""
        return [{"index": at, "score": score} for at, score in ranking(rows)[: parameters.get("top_k")]]


def ranking(rows: Sequence[bytes]) -> list[Relevance]:
    """The documents of `rows`, best first; equals keep their order."""
    scores = [floats_of(row)[0] for row in rows]
    order = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)
    return [Relevance(i, round(scores[i], 7)) for i in order]
