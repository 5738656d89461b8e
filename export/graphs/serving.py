"""Answers as the backend gives them, whatever runs the model.

So what is checked at export is what will be served.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from headrace_backend import parameters
from headrace_backend.cost import CostModel
from headrace_backend.errors import TextError
from headrace_backend.items import Item, Query, Window
from headrace_backend.pipeline import Answers, Pipeline, Runs
from headrace_backend.tasks import Task, fit_of, task_of
from headrace_backend.tokenizer import TextTokenizer
from numpy.typing import NDArray

from export.checkpoints.tokenization import Encoded
from export.errors import ExportError
from model_repository.manifest import Answering

BATCH_SIZE = 8
CHUNK = 128
"""Items answered between two reports of progress."""
_LAUNCH_TOKENS = 16
"""What launching a batch costs, in tokens of computing: enough to join texts of similar length."""

Outputs = Any
"""What a task answers to n items: float32 [n, width], or a list of n JSON values."""


@dataclass(frozen=True)
class Serving:
    """A packaged version's tokenizer and settings, to be completed by whatever runs its graph."""

    answering: Answering
    tokenizer: Path

    def queries(self, items: Sequence[Item]) -> list[Query]:
        """What items ask of the model.

        Raises:
            ExportError: an item that cannot be read.
        """
        task, _ = self._parts
        found: list[Query] = []
        for number, item in enumerate(items, start=1):
            query = Query(item.text.decode(), None if item.text_pair is None else item.text_pair.decode())
            try:
                found += task.queries(query, parameters.read(item.parameters, task.parameters))
            except TextError as exc:
                raise ExportError(f"text {number} of the evaluation set cannot be asked: {exc}") from exc
        return found

    def encode(self, queries: Sequence[Query]) -> Encoded:
        """The windows of queries, as the model will read them.

        Raises:
            ExportError: a query that cannot be tokenized.
        """
        _, tokenizer = self._parts
        windows: list[Window] = []
        for number, encoded in enumerate(tokenizer.encode(queries), start=1):
            if isinstance(encoded, TextError):
                raise ExportError(f"text {number} of the evaluation set cannot be tokenized: {encoded}")
            windows += encoded.windows
        return Encoded(windows, tokenizer.pad_id)

    def answer(
        self,
        runs: Runs,
        items: Sequence[Item],
        advance: Callable[[int, int], None] = lambda done, total: None,
        *,
        together: bool = False,
    ) -> Outputs:
        """What a model answers to items, in their order.

        `together` makes batches of items whatever their lengths.

        Raises:
            ExportError: an item that has no answer.
        """
        task, tokenizer = self._parts
        pipeline = Pipeline(tokenizer, runs, task, self._cost(together=together))
        # longest first: batches pad little, and memory peaks at once
        order = sorted(range(len(items)), key=lambda row: -len(items[row].text) - len(items[row].text_pair or b""))
        rows: list[Any] = [None] * len(items)
        for at in range(0, len(order), CHUNK):
            chosen = order[at : at + CHUNK]
            answers = pipeline.answer([items[row] for row in chosen])
            for at_row, (row, error) in enumerate(zip(chosen, answers.errors, strict=True)):
                if error:
                    raise ExportError(f"text {row + 1} of the evaluation set has no answer: {error}")
                rows[row] = _row(answers, at_row)
            advance(at + len(chosen), len(order))
        return np.stack(rows) if task.widths else rows

    @property
    def backend(self) -> Task:
        """The task, as the backend has it."""
        return self._parts[0]

    @cached_property
    def _parts(self) -> tuple[Task, TextTokenizer]:
        """Read once: a vocabulary takes longer to read than a text to answer."""
        settings = self.answering.model_dump(mode="json")
        task = task_of(settings)
        return task, TextTokenizer(self.tokenizer, fit_of(settings, task))

    def _cost(self, *, together: bool) -> CostModel:
        length = self.answering.max_length
        if together:
            return CostModel(np.ones((length + 1, BATCH_SIZE + 1)))
        tokens: NDArray[np.float64] = np.multiply.outer(np.arange(length + 1.0), np.arange(BATCH_SIZE + 1.0))
        tokens[:, 1:] += _LAUNCH_TOKENS
        return CostModel(tokens)


def _row(answers: Answers, row: int) -> Any:
    if not answers.outputs:
        return json.loads(answers.json[row])
    [values] = answers.outputs.values()
    return values[row]
