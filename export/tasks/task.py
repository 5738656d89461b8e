"""What a task is to the export: names for the libraries, the tensors of its graph, its metrics."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_repository.postprocessing import Task as TaskName

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Metric = Callable[[Floats, Ints], float]


@dataclass(frozen=True)
class Task:
    """One task.

    `optimum_task` and `auto_model` are the names that Optimum and transformers use. `inputs` are the graph inputs that the
    backend can feed (int64 [batch, sequence]); `output` is float32 [batch, labels]. `scores` makes of outputs what is
    answered; a metric takes outputs [examples, labels] and the index of the right label [examples].
    """

    name: TaskName
    optimum_task: str
    auto_model: str
    required_inputs: Sequence[str]
    optional_inputs: Sequence[str]
    output: str
    scores: Callable[[Floats], Floats]
    metrics: Mapping[str, Metric]
