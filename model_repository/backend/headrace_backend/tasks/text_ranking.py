"""Text ranking: how well a document (TEXT_PAIR) answers a query (TEXT), by a cross-encoder."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace_backend.functions import FUNCTIONS, Floats
from headrace_backend.items import Query, Window
from headrace_backend.prompts import Prompts
from headrace_backend.tasks.task import Result, Task, Values, only
from headrace_backend.tasks.text_classification import SCORES, function_of


class TextRanking(Task):
    """`logits` float32 [batch, 1] → SCORES float32 [1].

    The best of a document's windows counts (MaxP, Dai and Callan 2019).
    """

    pair = True

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        """The task as a manifest says."""
        settings = manifest.get("postprocessing") or {}
        self.widths = {SCORES: 1}
        self._function = FUNCTIONS[settings.get("function", "sigmoid")]
        self._prompts = Prompts(settings)
        self.parameters = {"function_to_apply": "", **self._prompts.parameters}
        if manifest.get("windows"):
            self.cut = "only_second"

    def queries(self, query: Query, parameters: Mapping[str, Any]) -> list[Query]:
        """The pair, whose first text comes after its prompt."""
        return [self._prompts.put_before(query, parameters)]

    def finish(self, fetched: Sequence[NDArray[np.float32]], windows: Sequence[Window]) -> Floats:
        """Logits [batch, 1]."""
        (logits,) = fetched
        return logits

    def scores(self, values: Values) -> Values:
        """The scores of requests that name no function."""
        return self._function(np.asarray(values))

    def answer(self, query: Query, parameters: Mapping[str, Any], results: Sequence[Sequence[Result]]) -> dict[str, Floats]:
        """The best window's score [1]."""
        best = max((result.value for result in only(results)), key=np.max)
        return {SCORES: function_of(parameters, self._function)(best)}


TASK = TextRanking
