"""How answers of text classification are judged.

An answer is one label of several, any number of labels, or a number.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.data.dataset import Dataset
from export.data.labels import read_label_sets, read_labels
from export.errors import RecipeError
from export.evaluation.assessment import Assessment, Confusion
from export.evaluation.metrics.classification import Flags, above, classification_metrics, highest, one_hot, same_labels
from export.evaluation.metrics.regression import REGRESSION_METRICS, constant_numbers, same_number


def right_labels(dataset: Dataset, names: Sequence[str]) -> Flags:
    """The one right label of each example: flags [examples, labels].

    Raises:
        RecipeError: an example without a label, or with one that the model does not have; see
            `read_labels`.
    """
    read = read_labels(dataset.column("label"), names)
    dataset.reading.note(read.note)
    return one_hot(np.array(read.indices), len(names))


def right_label_sets(dataset: Dataset, names: Sequence[str]) -> Flags:
    """The right labels of each example: flags [examples, labels].

    The set has lists of names or class numbers, or of flags; see `read_label_sets`.

    Raises:
        RecipeError: an example without a list, or with a label that the model does not have.
    """
    read = read_label_sets(dataset.column("label"), names)
    dataset.reading.note(read.note)
    flags = np.zeros((len(dataset), len(names)), dtype=np.bool_)
    for row, labels in enumerate(read.indices):
        flags[row, list(labels)] = True
    return flags


def right_numbers(dataset: Dataset, names: Sequence[str]) -> NDArray[np.float64]:
    """The right number of each example: float64 [examples], or [examples, labels] of several.

    The set has a number, or a list with one for each label, in CSV as JSON.

    Raises:
        RecipeError: an example without a number, or with another count of them.
    """
    if len(names) == 1:
        return np.array(dataset.column("label").numbers())

    def numbers(value: object) -> list[float] | None:
        fits = isinstance(value, list) and len(value) == len(names) and all(_is_number(one) for one in value)
        return [float(one) for one in value] if fits and isinstance(value, list) else None

    return np.array(dataset.column("label").parsed().read(numbers, f"a list of {len(names)} numbers ({', '.join(names)})"))


def of_single_output(dataset: Dataset, threshold: float) -> Assessment:
    """A head with one output, which is brought between 0 and 1.

    By what the set's labels are: 0 and 1, whether the label holds; other numbers, how much it
    should be; or lists with the label's name or without it.
    """
    try:
        numbers = {*dataset.column("label").numbers()}
    except RecipeError:
        return multi_label((threshold,))
    if not numbers <= {0.0, 1.0}:
        return REGRESSION
    decide = above((threshold,))
    return Assessment(right_flags, classification_metrics(decide), same_labels(decide), decide=decide)


def right_flags(dataset: Dataset, names: Sequence[str]) -> Flags:
    """Whether an only label holds for each example, written as 0 or 1: flags [examples, 1]."""
    flags: Flags = np.array(dataset.column("label").numbers())[:, None] == 1
    return flags


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def multi_label(thresholds: Sequence[float]) -> Assessment:
    """Any number of labels: those whose probability reaches the label's threshold.

    Outputs are probabilities [examples, labels].
    """
    decide = above(thresholds)
    return Assessment(right_label_sets, classification_metrics(decide), same_labels(decide), decide=decide)


def _confusion(scores: NDArray[Any], truth: Flags, names: Sequence[str]) -> Confusion:
    return Confusion(names, highest(scores).astype(np.int64).T @ truth.astype(np.int64))


SINGLE_LABEL = Assessment(right_labels, classification_metrics(highest), same_labels(highest), confusion=_confusion, decide=highest)
"""One of several labels: the one with the highest output.

Outputs are scores or logits [examples, labels]."""

REGRESSION = Assessment(right_numbers, REGRESSION_METRICS, same_number, fault=constant_numbers)
"""A number, or several. Outputs are [examples, labels]."""
