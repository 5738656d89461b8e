"""Text ranking: how well a document (TEXT_PAIR) answers a query (TEXT), by a cross-encoder."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace_backend.functions import FUNCTIONS, Floats
from headrace_backend.items import Query, Window
from headrace_backend.tasks.task import Result, Task, only
from headrace_backend.tasks.text_classification import SCORES


class TextRanking(Task):
    """`logits` float32 [batch, 1] → SCORES float32 [1].

    The best of a document's windows counts (MaxP, Dai and Callan 2019).
    """

    pair = True

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        """The task as a manifest says."""
        self.widths = {SCORES: 1}
        self._function = FUNCTIONS[(manifest.get("postprocessing") or {}).get("function", "sigmoid")]
        if manifest.get("windows"):
            self.cut = "only_second"

    def finish(self, fetched: Sequence[NDArray[np.float32]], windows: Sequence[Window]) -> Floats:
        """Scores [batch, 1]."""
        (logits,) = fetched
        return self._function(logits)

    def answer(self, query: Query, parameters: Mapping[str, Any], results: Sequence[Sequence[Result]]) -> dict[str, Floats]:
        """The best window's score [1]."""
        return {SCORES: max((result.value for result in only(results)), key=np.max)}


TASK = TextRanking
