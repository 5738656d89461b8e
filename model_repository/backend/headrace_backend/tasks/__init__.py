"""The tasks that a packaged version can have, by the name that its manifest gives."""

from collections.abc import Callable, Mapping
from typing import Any

from headrace_backend.tasks.feature_extraction import FeatureExtraction
from headrace_backend.tasks.question_answering import QuestionAnswering
from headrace_backend.tasks.task import Task
from headrace_backend.tasks.text_classification import TextClassification
from headrace_backend.tasks.text_ranking import TextRanking
from headrace_backend.tasks.token_classification import TokenClassification
from headrace_backend.tasks.zero_shot_classification import ZeroShotClassification
from headrace_backend.tokenizer import Fit

__all__ = ["TASKS", "Task", "fit_of", "task_of"]

TASKS: Mapping[str, Callable[[Mapping[str, Any]], Task]] = {
    "text-classification": TextClassification,
    "token-classification": TokenClassification,
    "feature-extraction": FeatureExtraction,
    "text-ranking": TextRanking,
    "question-answering": QuestionAnswering,
    "zero-shot-classification": ZeroShotClassification,
}


def task_of(manifest: Mapping[str, Any]) -> Task:
    """The task of a packaged version.

    Raises:
        ValueError: its task is not known.
    """
    name = manifest["task"]
    if name not in TASKS:
        raise ValueError(f"Task {name} is not known; known are {', '.join(TASKS)}.")
    return TASKS[name](manifest)


def fit_of(manifest: Mapping[str, Any], task: Task) -> Fit:
    """How the texts of a packaged version are made to fit into its model."""
    windows = manifest.get("windows") or {}
    stride = windows.get("stride") if task.stride is None else task.stride
    return Fit(manifest["max_length"], stride, task.cut, task.offsets)
