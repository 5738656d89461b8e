"""What a task is to the backend."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace_backend.errors import TextError
from headrace_backend.items import Query, Window
from headrace_backend.tokenizer import Cut

ANSWER = "ANSWER"
"""Triton's output of tasks whose answers have no fixed shape: BYTES [1], JSON."""

Values = Sequence[Any] | NDArray[np.float32]
"""One value for each window of a sub-batch."""


class Result(NamedTuple):
    """What the model made of one window: an array or several, as the task's `finish` gave them."""

    window: Window
    value: Any


class Task(ABC):
    """Queries of an item, and the answer from what the model makes of their windows.

    Attributes:
        graph_outputs: names of the graph's outputs that `finish` takes.
        widths: Triton's FP32 outputs: name → columns of the row for each item. Empty: the answer is
            JSON, in `ANSWER`.
        parameters: names of the parameters that an item can bring, with their defaults.
        pair: whether an item is a pair of texts.
        cut: which text of a pair is cut where both do not fit.
        offsets: whether windows must carry the tokenizer's encoding.
        stride: tokens that neighbouring windows share, where the task needs windows whatever the
            version says; else None.
    """

    graph_outputs: Sequence[str] = ("logits",)
    widths: Mapping[str, int] = {}
    parameters: Mapping[str, Any] = {}
    pair: bool = False
    cut: Cut = "longest_first"
    offsets: bool = False
    stride: int | None = None

    def queries(self, query: Query, parameters: Mapping[str, Any]) -> list[Query]:
        """What the model is asked about an item: usually the item itself."""
        return [query]

    @abstractmethod
    def finish(self, fetched: Sequence[NDArray[np.float32]], windows: Sequence[Window]) -> Values:
        """The graph's outputs of a sub-batch [batch, …], padded to the longest window → one value
        for each window."""

    def scores(self, values: Values) -> Values:
        """What the answers are made of, where `finish` leaves the last step to each item's own
        parameters: by default what `finish` gave."""
        return values

    @abstractmethod
    def answer(self, query: Query, parameters: Mapping[str, Any], results: Sequence[Sequence[Result]]) -> Any:
        """The answer to an item, from the results of each query's windows.

        It is a row [width] for each of `widths`, or what JSON can hold.

        Raises:
            TextError: the item has no answer.
        """


def only(results: Sequence[Sequence[Result]]) -> Sequence[Result]:
    """The windows of an item's one query."""
    [windows] = results
    return windows


def require_pair(task: Task, text_pair: bytes | None) -> None:
    """An item has the texts that its task takes.

    Raises:
        TextError: a text is missing, or there is one too many.
    """
    if task.pair and text_pair is None:
        raise TextError("This model takes pairs of texts: TEXT_PAIR is missing.")
