"""What is exported, as everything that judges it sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headrace_backend.items import Item

from export.checkpoints.tokenization import Encoded
from export.data.dataset import Dataset
from export.evaluation.assessment import Assessment
from export.graphs.batches import Run, spread
from export.graphs.serving import Serving
from export.graphs.tail import Tail
from export.tasks.task import Task
from model_repository.tensors import EMBEDDING


@dataclass(frozen=True)
class Subject:
    """A loaded model with its evaluation set, or with texts that nobody judges (`truth` is None).

    `items` are what the set asks, `encoded` is what the model reads of them, `truth` what is right,
    `serving` how answers are made, `assessment` how they are judged, `run` the fp32 PyTorch model
    itself, and `tail` the modules that it has after the transformer. `own_items` ask the
    repository's own texts, whatever the set.
    """

    task: Task
    assessment: Assessment
    dataset: Dataset
    truth: Any
    items: Sequence[Item]
    encoded: Encoded
    serving: Serving
    run: Run
    tail: Tail | None = None
    own_items: Sequence[Item] = ()

    @property
    def relative(self) -> bool:
        """Whether answers have no scale of their own, so that differences are judged by their
        size."""
        return not self.task.probabilities(self.serving.answering)

    @property
    def embeddings(self) -> bool:
        """Whether an answer is an embedding."""
        return self.serving.answering.tensors.output == EMBEDDING

    def encoded_of(self, rows: Sequence[int]) -> Encoded:
        """What the model reads of some of the examples."""
        items = self.task.items(self.dataset.some(rows), self.serving.answering)
        return self.serving.encode(self.serving.queries(items))

    def some_items(self, count: int) -> list[Item]:
        """`count` of the items, spread evenly over their lengths."""
        sizes = [len(item.text) + len(item.text_pair or b"") for item in self.items]
        return [self.items[row] for row in spread(sizes, count)]
