"""How the packaged version's answers to the evaluation set differ from the reference's.

Texts are named by their place, never shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.data.dataset import Dataset
from export.graphs.judge import Gate, Measured
from export.graphs.serving import Outputs

NAMED = 5
BINS = 41

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ScoreDifferences:
    """A histogram of what `measure` says, and the places where it is largest.

    `edges` has one entry more than `counts`.
    """

    measure: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    mean_absolute: float
    largest: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class AnswerDifferences:
    """How many `examples` were answered differently, the places of the first, and how scores moved.

    `scores` is None where answers are JSON.
    """

    examples: int
    differing: int
    places: tuple[str, ...]
    scores: ScoreDifferences | None


def differences(gate: Gate, measured: Measured, *, embeddings: bool) -> AnswerDifferences:
    """How far answers to the gate's evaluation set are from those it expects.

    See `compare_answers`.
    """
    return compare_answers(gate.subject.dataset, gate.expected, measured.answers, measured.same, embeddings=embeddings)


def compare_answers(
    dataset: Dataset, reference: Outputs, packaged: Outputs, same: NDArray[np.bool_], *, embeddings: bool
) -> AnswerDifferences:
    """Compare outputs for the evaluation set's items, one or several for each example.

    `same` [examples]: both answer the same. Embeddings are compared by their angle; other arrays
    [items, width] score by score.
    """
    examples = [f"{dataset.table.unit} {number}" for number in dataset.table.numbers]
    otherwise = np.flatnonzero(~same)
    scores = None
    if isinstance(reference, np.ndarray):
        items = examples if len(reference) == len(examples) else [f"text {number}" for number in range(1, len(reference) + 1)]
        scores = _angles(reference, packaged, items) if embeddings else _scores(reference, packaged, items)
    return AnswerDifferences(len(same), len(otherwise), tuple(examples[row] for row in otherwise[:NAMED]), scores)


def _scores(reference: Floats, packaged: Floats, items: Sequence[str]) -> ScoreDifferences:
    difference = packaged.astype(np.float64) - reference
    reach = float(np.abs(difference).max())
    return _histogram("packaged score minus the reference's", difference, (-reach, reach), items)


def _angles(reference: Floats, packaged: Floats, items: Sequence[str]) -> ScoreDifferences:
    first, second = (vectors.astype(np.float64) for vectors in (reference, packaged))
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    distance = np.maximum(1 - (first * second).sum(axis=1) / np.maximum(lengths, 1e-12), 0.0)
    measure = "1 − cosine similarity of the packaged embedding with the reference's"
    return _histogram(measure, distance[:, None], (0.0, float(distance.max())), items)


def _histogram(measure: str, values: Floats, span: tuple[float, float], items: Sequence[str]) -> ScoreDifferences:
    """Of values [items, width]; an item's largest value is named."""
    counts, edges = np.histogram(values, bins=BINS, range=span)
    at = np.abs(values).argmax(axis=1)
    most = values[np.arange(len(values)), at]
    order = np.argsort(-np.abs(most), kind="stable")[:NAMED]
    largest = tuple((items[row], float(most[row])) for row in order if most[row])
    return ScoreDifferences(measure, tuple(edges.tolist()), tuple(counts.tolist()), float(np.abs(values).mean()), largest)
