"""What a task is to the export.

It says how libraries call it, which outputs its graph has, and how its answers are made and judged.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from headrace_backend.items import Item

from export.data.dataset import Dataset
from export.evaluation.assessment import Assessment
from export.tasks.libraries import Ask, Libraries
from export.tasks.loaded import Loaded
from export.tasks.sentence_transformer import SentenceTransformer, TailPlan
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
    usual one. `probabilities` says whether what the backend makes of a window is between 0 and 1,
    `needs_label` whether a metric reads the column `label` of the evaluation set.
    `files` are those of sentence-transformers that lie in a checkpoint's folder and are for this
    task, and `tail` says what of them the graph holds after the transformer. Where they are the
    head, `without_head` has the names by which libraries call what lies before it. `reference` asks
    the library that users compare with; `reads_windows` says whether that reads long texts in
    windows as the recipe asks for.
    """

    name: TaskName
    optimum_task: str
    auto_model: str
    outputs: Mapping[str, int]
    postprocessing: Callable[[Loaded], Postprocessing]
    items: Callable[[Dataset, Answering], list[Item]]
    assessment: Callable[[Dataset, Answering], Assessment]
    metrics: Sequence[str]
    probabilities: Callable[[Answering], bool]
    reference: Callable[[Libraries], Ask]
    needs_label: Callable[[str], bool] = lambda metric: False
    files: Callable[[Path], SentenceTransformer | None] = lambda folder: None
    tail: Callable[[SentenceTransformer | None, Answering], TailPlan | None] = lambda files, answering: None
    without_head: tuple[str, str] = ("", "")
    reads_windows: bool = False

    def for_checkpoint(self, folder: Path) -> "Task":
        """The task as a checkpoint has it: a head of sentence-transformers' modules takes the place
        of transformers' own."""
        files = self.files(folder)
        if files is None or not files.has_head:
            return self
        optimum_task, auto_model = self.without_head
        return replace(self, optimum_task=optimum_task, auto_model=auto_model)
