"""What a task is to the export: names for the libraries, the tensors of its graph, how its answers are judged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.tasks.assessment import Assessment
from model_repository.postprocessing import Task as TaskName

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Task:
    """One task.

    `optimum_task` and `auto_model` are the names that Optimum and transformers use. `inputs` are the graph inputs that the
    backend can feed (int64 [batch, sequence]); `output` is float32 [batch, labels]. `scores` makes of outputs what is
    answered, and `assessment` judges these.
    """

    name: TaskName
    optimum_task: str
    auto_model: str
    required_inputs: Sequence[str]
    optional_inputs: Sequence[str]
    output: str
    scores: Callable[[Floats], Floats]
    assessment: Assessment
