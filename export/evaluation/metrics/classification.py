"""Metrics of labels.

A `decide` takes outputs to the labels that are answered; these and the right labels are compared as
flags.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.evaluation.metrics.metric import Metric, Sums, f1, f1_of, mean_of

Flags = NDArray[np.bool_]
Decide = Callable[[NDArray[Any]], Flags]
"""Scores [examples, labels] to the labels that are answered, flags [examples, labels]."""


def highest(scores: NDArray[Any]) -> Flags:
    """One label for each example: the one with the highest score (the first of equal ones)."""
    return one_hot(scores.argmax(axis=-1), scores.shape[-1])


def above(thresholds: Sequence[float]) -> Decide:
    """Any number of labels for each example: those whose probability reaches their threshold."""
    bounds = np.asarray(thresholds, dtype=np.float32)
    return lambda probabilities: probabilities >= bounds


def one_hot(indices: NDArray[Any], labels: int) -> Flags:
    """Flags [examples, labels] of one label index for each example."""
    flags: Flags = indices[:, None] == np.arange(labels)
    return flags


def same_labels(decide: Decide) -> Callable[[NDArray[Any], NDArray[Any]], Flags]:
    """Whether two outputs give an example the same labels, all of them: bool [examples]."""
    return lambda first, second: (decide(first) == decide(second)).all(axis=-1)


def classification_metrics(decide: Decide) -> Mapping[str, Metric]:
    """Accuracy, macro-F1 and micro-F1 by name; truth is flags [examples, labels].

    Accuracy asks for all labels of an example to be right. Macro-F1 is the unweighted mean over the
    labels that occur in truth or answers, as scikit-learn's; with one label for each example,
    micro-F1 is the accuracy.
    """
    metrics = (
        mean_of("accuracy", lambda scores, truth: (decide(scores) == truth).all(axis=-1)),
        Metric("macro-f1", lambda scores, truth: _counts(decide(scores), truth).reshape(len(truth), -1), _macro_f1),
        f1_of("micro-f1", lambda scores, truth: _counts(decide(scores), truth).sum(axis=1)),
    )
    return {metric.name: metric for metric in metrics}


def _counts(answered: Flags, truth: Flags) -> Sums:
    """[examples, labels, 3]: answered rightly, answered at all, right."""
    counts: Sums = np.stack([answered & truth, answered, truth], axis=-1).astype(np.float64)
    return counts


def _macro_f1(sums: Sums) -> Sums:
    each = f1(sums.reshape(*sums.shape[:-1], -1, 3))
    defined = ~np.isnan(each)
    total, labels = np.where(defined, each, 0.0).sum(axis=-1), defined.sum(axis=-1)
    return np.divide(total, labels, out=np.full(np.shape(total), np.nan), where=labels > 0)
