"""The tasks that can be exported, one file each: a new one is a file here and one in the backend, its settings, and its line below."""

from collections.abc import Mapping

from export.tasks.feature_extraction import FEATURE_EXTRACTION
from export.tasks.question_answering import QUESTION_ANSWERING
from export.tasks.task import Task
from export.tasks.text_classification import TEXT_CLASSIFICATION
from export.tasks.text_ranking import TEXT_RANKING
from export.tasks.token_classification import TOKEN_CLASSIFICATION
from export.tasks.zero_shot_classification import ZERO_SHOT_CLASSIFICATION

_ALL = (
    TEXT_CLASSIFICATION,
    TOKEN_CLASSIFICATION,
    FEATURE_EXTRACTION,
    TEXT_RANKING,
    QUESTION_ANSWERING,
    ZERO_SHOT_CLASSIFICATION,
)

TASKS: Mapping[str, Task] = {task.name: task for task in _ALL}
