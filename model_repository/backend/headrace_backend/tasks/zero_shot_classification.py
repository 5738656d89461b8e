"""Zero-shot classification: an NLI model says which candidate label a text entails."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace_backend.errors import TextError
from headrace_backend.functions import Floats, softmax
from headrace_backend.items import Query, Window
from headrace_backend.tasks.task import Result, Task

MAX_LABELS = 1000
MAX_CHARACTERS = 131_072
"""Most characters of all hypotheses of a text together: else a short request makes as much text as
it has labels times characters in the template."""


class ZeroShotClassification(Task):
    """`logits` float32 [batch, NLI labels] of (text, hypothesis) → JSON, best first:
    {"labels": […], "scores": […]}.

    One label of several: softmax of the labels' entailment logits. With `multi_label` (or a single
    candidate) each label for itself: softmax of contradiction and entailment. transformers'
    pipeline does the same; its paper is Yin et al., 2019.
    """

    cut = "only_first"

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        """The task as a manifest says."""
        settings = manifest["postprocessing"]
        self._entailment = settings["entailment"]
        self._contradiction = settings["contradiction"]
        self.parameters = {"candidate_labels": None, "hypothesis_template": settings["hypothesis_template"], "multi_label": False}

    def queries(self, query: Query, parameters: Mapping[str, Any]) -> list[Query]:
        """The text beside each label's hypothesis."""
        labels, template = parameters["candidate_labels"], parameters["hypothesis_template"]
        if not isinstance(labels, list) or not labels or not all(isinstance(label, str) and label for label in labels):
            raise TextError("The parameter candidate_labels must be a list of at least one label.")
        if len(set(labels)) < len(labels):
            raise TextError("The parameter candidate_labels names a label twice.")
        if "{}" not in template:
            raise TextError("The parameter hypothesis_template must contain {}, where the label goes.")
        if len(labels) > MAX_LABELS:
            raise TextError(f"The parameter candidate_labels has {len(labels)} labels, at most {MAX_LABELS} are allowed.")
        slots = template.count("{}")
        characters = len(labels) * (len(template) - 2 * slots) + slots * sum(map(len, labels))
        if characters > MAX_CHARACTERS:
            raise TextError(
                f"The labels in the hypothesis_template have {characters} characters, at most {MAX_CHARACTERS} are allowed: "
                "give fewer labels, or a shorter template."
            )
        return [Query(query.text, template.replace("{}", label)) for label in labels]

    def finish(self, fetched: Sequence[NDArray[np.float32]], windows: Sequence[Window]) -> Floats:
        """The logits of contradiction and entailment [batch, 2]."""
        (logits,) = fetched
        return logits[:, [self._contradiction, self._entailment]]

    def answer(self, query: Query, parameters: Mapping[str, Any], results: Sequence[Sequence[Result]]) -> dict[str, list[Any]]:
        """Labels with their scores, best first.

        Of a text's windows, the one that entails a label most counts for this label.
        """
        logits = np.array([max((result.value for result in windows), key=lambda pair: pair[1] - pair[0]) for windows in results])
        labels = parameters["candidate_labels"]
        scores = softmax(logits)[:, 1] if parameters["multi_label"] or len(labels) == 1 else softmax(logits[:, 1])
        order = scores.argsort(kind="stable")[::-1]
        return {"labels": [labels[i] for i in order], "scores": [float(scores[i]) for i in order]}


TASK = ZeroShotClassification
