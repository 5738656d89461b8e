"""What a task is to the export.

It says how libraries call it, which outputs its graph has, and how its answers are made and judged.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from headrace_backend.items import Item

from export.data.dataset import Dataset
from export.evaluation.assessment import Assessment
from export.tasks.loaded import Loaded
from model_repository.manifest import Answering
from model_repository.postprocessing import Postprocessing
from model_repository.tasks import TaskName


@dataclass(frozen=True)
class Task:
    """One task.

    `optimum_task` and `auto_model` are the names that Optimum and transformers use; `outputs` are
    the graph's, float32, by name with their number of axes. `postprocessing` decides from a
    checkpoint how answers are made; `items` are what the evaluation set asks, one or several for
    each example; `assessment` judges the answers by one of `metrics`, of which the first is the
    usual one. `probabilities` says that what the backend makes of a window is between 0 and 1,
    `needs_label` whether a metric reads the column `label` of the evaluation set.
    """

    name: TaskName
    optimum_task: str
    auto_model: str
    outputs: Mapping[str, int]
    postprocessing: Callable[[Loaded], Postprocessing]
    items: Callable[[Dataset, Answering], list[Item]]
    assessment: Callable[[Dataset, Answering], Assessment]
    metrics: Sequence[str]
    probabilities: bool
    needs_label: Callable[[str], bool] = lambda metric: False
