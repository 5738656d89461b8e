"""Text classification: scores of labels, of one text or of a pair."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace_backend.functions import FUNCTIONS, Floats
from headrace_backend.items import Query, Window
from headrace_backend.tasks.task import Result, Task, only

SCORES = "SCORES"
_OVER_WINDOWS: Mapping[str, Callable[[Floats], Floats]] = {
    "mean": lambda scores: scores.mean(axis=0),
    "max": lambda scores: scores.max(axis=0),
}


class TextClassification(Task):
    """`logits` float32 [batch, labels] → SCORES float32 [labels].

    `softmax` for one label of several, `sigmoid` where each label may hold or not, `identity` for a
    regression. The mean or the maximum joins the scores of several windows.
    """

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        """The task as a manifest says."""
        settings = manifest.get("postprocessing") or {}
        self.widths = {SCORES: len(manifest["labels"])}
        self.pair = settings.get("text_pair", False)
        self._function = FUNCTIONS[settings.get("function", "softmax")]
        windows = manifest.get("windows") or {}
        self._over_windows = _OVER_WINDOWS[windows.get("aggregation", "mean")]
        if windows and self.pair:
            self.cut = "only_second"

    def finish(self, fetched: Sequence[NDArray[np.float32]], windows: Sequence[Window]) -> Floats:
        """Scores of the labels [batch, labels]."""
        (logits,) = fetched
        return self._function(logits)

    def answer(self, query: Query, parameters: Mapping[str, Any], results: Sequence[Sequence[Result]]) -> dict[str, Floats]:
        """The scores [labels], over all windows."""
        windows = only(results)
        if len(windows) == 1:
            return {SCORES: windows[0].value}
        return {SCORES: self._over_windows(np.stack([result.value for result in windows]))}


TASK = TextClassification
