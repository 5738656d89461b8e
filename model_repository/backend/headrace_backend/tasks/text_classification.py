"""Text classification: scores of labels, of one text or of a pair."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace_backend import parameters as given
from headrace_backend.functions import APPLIED, FUNCTIONS, Floats
from headrace_backend.items import Query, Window
from headrace_backend.tasks.task import Result, Task, Values, only

SCORES = "SCORES"
_OVER_WINDOWS: Mapping[str, Callable[[Floats], Floats]] = {
    "mean": lambda scores: scores.mean(axis=0),
    "max": lambda scores: scores.max(axis=0),
}


class TextClassification(Task):
    """`logits` float32 [batch, labels] → SCORES float32 [labels].

    `softmax` for one label of several, `sigmoid` where each label may hold or not, `identity` for a
    regression, unless a request says which `function_to_apply`. The mean or the maximum joins the
    scores of several windows.
    """

    parameters: Mapping[str, Any] = {"function_to_apply": ""}

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
        """Logits of the labels [batch, labels]."""
        (logits,) = fetched
        return logits

    def scores(self, values: Values) -> Values:
        """The scores of requests that name no function."""
        return self._function(np.asarray(values))

    def answer(self, query: Query, parameters: Mapping[str, Any], results: Sequence[Sequence[Result]]) -> dict[str, Floats]:
        """The scores [labels], over all windows."""
        apply = function_of(parameters, self._function)
        windows = only(results)
        if len(windows) == 1:
            return {SCORES: apply(windows[0].value)}
        return {SCORES: self._over_windows(apply(np.stack([result.value for result in windows])))}


def function_of(parameters: Mapping[str, Any], usual: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    """What a request applies to logits; the usual function where it does not say.

    Raises:
        TextError: it names an unknown one.
    """
    return given.one_of(parameters, "function_to_apply", APPLIED) if parameters["function_to_apply"] else usual


TASK = TextClassification
