"""Text classification of a text or a pair of texts.

The answer is one label of several, any number of labels, or a number.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from headrace_backend.items import Item

from export.data.dataset import Dataset
from export.errors import RecipeError
from export.evaluation.assessment import Assessment
from export.tasks.classification_assessment import REGRESSION, SINGLE_LABEL, multi_label, of_single_output
from export.tasks.libraries import Ask, Libraries, texts_of
from export.tasks.loaded import Loaded
from export.tasks.task import Task
from model_repository.manifest import Answering
from model_repository.postprocessing import Function, TextClassification

THRESHOLD = 0.5


def _postprocessing(loaded: Loaded) -> TextClassification:
    function = _function(loaded)
    thresholds = loaded.wished.get("thresholds")
    if thresholds is not None and function != "sigmoid":
        raise RecipeError(f"postprocessing.thresholds: they are for function sigmoid, and this model's is {function}; remove them")
    return TextClassification(
        function=function,
        thresholds=_thresholds(thresholds or {}, loaded.labels) if function == "sigmoid" else None,
        text_pair=loaded.wished.get("text_pair", False),
    )


def _function(loaded: Loaded) -> Function:
    """The recipe's function, else the one that transformers' pipeline applies.

    That goes by `problem_type`, and by the number of outputs where there is only one: softmax of
    one output is always 1, so the pipeline takes sigmoid, whatever else `problem_type` says.
    """
    problem, single = getattr(loaded.config, "problem_type", None), len(loaded.labels) == 1
    wished: Function | None = loaded.wished.get("function")
    if wished == "softmax" and single:
        raise RecipeError(
            "postprocessing.function: softmax of a head's only output is always 1; write sigmoid, or identity for a regression"
        )
    if wished is not None:
        return wished
    if problem == "regression":
        return "identity"
    return "sigmoid" if single or problem == "multi_label_classification" else "softmax"


def _thresholds(wished: object, labels: Sequence[str]) -> tuple[float, ...]:
    if not isinstance(wished, dict) or not all(isinstance(value, int | float) and 0 <= value <= 1 for value in wished.values()):
        raise RecipeError("postprocessing.thresholds: write {label: probability, …}, each probability from 0 to 1")
    if unknown := sorted(set(wished) - set(labels)):
        raise RecipeError(f"postprocessing.thresholds: the model has no label {', '.join(unknown)}; its labels are {', '.join(labels)}")
    return tuple(float(wished.get(label, THRESHOLD)) for label in labels)


def _items(dataset: Dataset, answering: Answering) -> list[Item]:
    texts = dataset.column("text").strings()
    if not _settings(answering).text_pair:
        return [Item(text.encode()) for text in texts]
    pairs = dataset.column("text_pair").strings()
    return [Item(text.encode(), pair.encode()) for text, pair in zip(texts, pairs, strict=True)]


def _assessment(dataset: Dataset, answering: Answering) -> Assessment:
    settings = _settings(answering)
    if settings.function == "softmax":
        return SINGLE_LABEL
    if settings.function == "identity":
        return REGRESSION
    thresholds = settings.thresholds or (THRESHOLD,) * len(answering.labels)
    return of_single_output(dataset, thresholds[0]) if len(thresholds) == 1 else multi_label(thresholds)


def _settings(answering: Answering) -> TextClassification:
    assert isinstance(answering.postprocessing, TextClassification)  # noqa: S101 - the manifest's own check
    return answering.postprocessing


def _reference(libraries: Libraries) -> Ask:
    wished = libraries.recipe.postprocessing.get("function")
    # without a wish the pipeline decides by itself
    function = {} if wished is None else {"function_to_apply": "none" if wished == "identity" else wished}
    ask = libraries.pipeline(TASK.name)
    cut = {"truncation": True, "max_length": libraries.answering.max_length}

    def answer(item: Item) -> Any:
        text, pair = texts_of(item)
        found = ask(text if pair is None else {"text": text, "text_pair": pair}, top_k=None, **cut, **function)
        scores = {entry["label"]: entry["score"] for entry in found}
        return np.array([scores[label] for label in libraries.answering.labels], dtype=np.float32)

    return answer


TASK = Task(
    name="text-classification",
    optimum_task="text-classification",
    auto_model="AutoModelForSequenceClassification",
    outputs={"logits": 2},
    postprocessing=_postprocessing,
    items=_items,
    assessment=_assessment,
    metrics=("accuracy", "macro-f1", "micro-f1", "rmse", "pearson"),
    reference=_reference,
    probabilities=lambda answering: _settings(answering).function != "identity",
    needs_label=lambda metric: True,
)
