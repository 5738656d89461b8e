"""How a task's answers are judged.

That is: which answers are right, by which metrics they are compared, and when two are the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.data.dataset import Dataset
from export.evaluation.metrics.metric import Metric

SameAnswer = Callable[[Any, Any], NDArray[np.bool_]]


@dataclass(frozen=True)
class Assessment:
    """What the gate needs to know of a task.

    `truth` reads the right answers from an evaluation set, given the model's label names, and
    raises `RecipeError` for a set that it cannot use; outputs and truth are the task's own, with
    one entry for each example. `metrics` compare the two, by name; `same_answer` compares the
    reference's outputs with the packaged version's: bool [examples].
    """

    truth: Callable[[Dataset, Sequence[str]], Any]
    metrics: Mapping[str, Metric]
    same_answer: SameAnswer


def same_by(read: Callable[[Any], Sequence[object]]) -> SameAnswer:
    """Two answers are the same where the values that `read` takes from the outputs are equal.

    `read` gives one value for each example.
    """
    return lambda first, second: np.array([one == other for one, other in zip(read(first), read(second), strict=True)])
