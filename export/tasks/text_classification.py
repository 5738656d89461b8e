"""Text classification of a text or a pair of texts.

The answer is one label of several, any number of labels, or a number.
"""

from collections.abc import Mapping, Sequence

from headrace_backend.items import Item

from export.data.dataset import Dataset
from export.errors import RecipeError
from export.evaluation.assessment import Assessment
from export.tasks.classification_assessment import REGRESSION, SINGLE_LABEL, multi_label
from export.tasks.loaded import Loaded
from export.tasks.task import Task
from model_repository.manifest import Answering
from model_repository.postprocessing import Function, TextClassification

_FUNCTIONS: Mapping[str, Function] = {
    "single_label_classification": "softmax",
    "multi_label_classification": "sigmoid",
    "regression": "identity",
}
"""By transformers' `problem_type`."""
THRESHOLD = 0.5


def _postprocessing(loaded: Loaded) -> TextClassification:
    usual: Function = "identity" if len(loaded.labels) == 1 else "softmax"
    function = loaded.wished.get("function") or _FUNCTIONS.get(getattr(loaded.config, "problem_type", None) or "", usual)
    thresholds = loaded.wished.get("thresholds")
    if thresholds is not None and function != "sigmoid":
        raise RecipeError(f"postprocessing.thresholds: they are for function sigmoid, and this model's is {function}; remove them")
    return TextClassification(
        function=function,
        thresholds=_thresholds(thresholds or {}, loaded.labels) if function == "sigmoid" else None,
        text_pair=loaded.wished.get("text_pair", False),
    )


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
    match settings.function:
        case "softmax":
            return SINGLE_LABEL
        case "sigmoid":
            return multi_label(settings.thresholds or (THRESHOLD,) * len(answering.labels))
        case "identity":
            return REGRESSION


def _settings(answering: Answering) -> TextClassification:
    assert isinstance(answering.postprocessing, TextClassification)  # noqa: S101 - the manifest's own check
    return answering.postprocessing


TASK = Task(
    name="text-classification",
    optimum_task="text-classification",
    auto_model="AutoModelForSequenceClassification",
    outputs={"logits": 2},
    postprocessing=_postprocessing,
    items=_items,
    assessment=_assessment,
    metrics=("accuracy", "macro-f1", "micro-f1", "rmse", "pearson"),
    probabilities=True,
    needs_label=lambda metric: True,
)
