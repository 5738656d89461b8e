"""The tasks as clients see them; `task_of` finds a version's."""

from collections.abc import Mapping

from gateway.tasks.feature_extraction import FeatureExtraction
from gateway.tasks.json_answers import QuestionAnswering, TokenClassification, ZeroShotClassification
from gateway.tasks.task import Task
from gateway.tasks.text_classification import PairClassification, TextClassification
from gateway.tasks.text_ranking import TextRanking
from model_repository import postprocessing
from model_repository.manifest import Manifest

_TASKS: Mapping[postprocessing.Task, Task] = {
    "text-classification": TextClassification(),
    "token-classification": TokenClassification(),
    "feature-extraction": FeatureExtraction(),
    "text-ranking": TextRanking(),
    "question-answering": QuestionAnswering(),
    "zero-shot-classification": ZeroShotClassification(),
}
_PAIRS = PairClassification()


def task_of(manifest: Manifest) -> Task:
    """The task of a packaged version."""
    settings = manifest.postprocessing
    if isinstance(settings, postprocessing.TextClassification) and settings.text_pair:
        return _PAIRS
    return _TASKS[manifest.task]
