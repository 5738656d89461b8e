"""How a task's answers are judged.

That is: which answers are right, by which metrics they are compared, and when two are the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.data.dataset import Dataset
from export.evaluation.metrics.classification import Decide
from export.evaluation.metrics.metric import Metric

SameAnswer = Callable[[Any, Any], NDArray[np.bool_]]
Deal = Callable[[Any, Any, np.random.Generator], tuple[Any, Any]]
"""Outputs and truth as they are where the answers are dealt to the examples at random."""


@dataclass(frozen=True)
class Confusion:
    """How often a label was answered where another one is right: `counts` [answered, right]."""

    names: Sequence[str]
    counts: NDArray[np.int64]


def deal_truth(outputs: Any, truth: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """The right answers in another order, an entry for each example."""
    order = rng.permutation(len(truth))
    return outputs, truth[order] if isinstance(truth, np.ndarray) else [truth[at] for at in order]


def all_one(truth: Any) -> bool:
    """Whether all examples have the same right answer."""
    if isinstance(truth, np.ndarray):
        return bool((truth == truth[:1]).all())
    return all(one == truth[0] for one in truth)


@dataclass(frozen=True)
class Assessment:
    """What the gate needs to know of a task.

    `truth` reads the right answers from an evaluation set, given the model's label names, and
    raises `RecipeError` for a set that it cannot use; outputs and truth are the task's own, with
    one entry for each example. `metrics` compare the two, by name; `same_answer` compares the
    reference's outputs with the packaged version's: bool [examples]. `deal` gives answers to
    examples at random; `confusion` counts labels, given their names, where an answer is one of
    them. `fault` says why a set cannot judge by a metric, before anything is asked;
    `all_one` tells truth of which each example has the same, and `decide` which labels hold, where
    outputs are scores of labels.
    """

    truth: Callable[[Dataset, Sequence[str]], Any]
    metrics: Mapping[str, Metric]
    same_answer: SameAnswer
    deal: Deal = deal_truth
    confusion: Callable[[Any, Any, Sequence[str]], Confusion] | None = None
    fault: Callable[[str, Dataset, Any], str | None] = lambda metric, dataset, truth: None
    all_one: Callable[[Any], bool] = all_one
    decide: Decide | None = None


def same_by(read: Callable[[Any], Sequence[object]]) -> SameAnswer:
    """Two answers are the same where the values that `read` takes from the outputs are equal.

    `read` gives one value for each example.
    """
    return lambda first, second: np.array([one == other for one, other in zip(read(first), read(second), strict=True)])
