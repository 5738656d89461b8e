"""How the packaged version's answers to the evaluation set differ from the reference's.

Of the first examples that are answered otherwise the text is shown, with what is right and what
both answered.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.data.dataset import Dataset
from export.graphs.judge import Gate, Measured
from export.graphs.serving import Outputs

NAMED = 5
TEXT_CHARACTERS, ANSWER_CHARACTERS = 280, 160
"""What is longer is cut: the page is read, not searched."""
_TEXTS = ("text", "text_pair", "question", "context", "query", "tokens")
_RIGHT = ("label", "entities", "tags", "answers", "relevance")
"""Roles of an evaluation set that hold what is asked, and what is right."""
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
class Differing:
    """An example that is answered otherwise than by the reference, in words."""

    place: str
    text: str
    right: str
    reference: str
    packaged: str


@dataclass(frozen=True)
class AnswerDifferences:
    """How many `examples` were answered differently, the first of them, and how scores moved.

    `scores` is None where answers are JSON.
    """

    examples: int
    differing: int
    first: tuple[Differing, ...]
    scores: ScoreDifferences | None


def differences(gate: Gate, measured: Measured, *, embeddings: bool) -> AnswerDifferences:
    """How far answers to the gate's evaluation set are from those it expects.

    See `compare_answers`.
    """
    subject = gate.subject
    labels = subject.serving.answering.labels
    return compare_answers(subject.dataset, gate.expected, measured.answers, measured.same, labels=labels, embeddings=embeddings)


def compare_answers(
    dataset: Dataset,
    reference: Outputs,
    packaged: Outputs,
    same: NDArray[np.bool_],
    *,
    labels: Sequence[str] = (),
    embeddings: bool,
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
    one_each = len(reference) == len(examples)
    first = tuple(
        Differing(
            examples[row],
            _asked(dataset, row),
            _right(dataset, row),
            *(_answer(outputs[row], labels) if one_each and not embeddings else "–" for outputs in (reference, packaged)),
        )
        for row in otherwise[:NAMED].tolist()
    )
    return AnswerDifferences(len(same), len(otherwise), first, scores)


def _asked(dataset: Dataset, row: int) -> str:
    return " / ".join(_cut(_plain(value), TEXT_CHARACTERS) for value in _values(dataset, _TEXTS, row)) or "–"


def _right(dataset: Dataset, row: int) -> str:
    return " / ".join(_cut(_plain(value), ANSWER_CHARACTERS) for value in _values(dataset, _RIGHT, row)) or "–"


def _values(dataset: Dataset, roles: Sequence[str], row: int) -> list[object]:
    """What an example holds in those of some roles that the task read."""
    names = [dataset.roles.get(role, role) for role in roles if role in dataset.reading.roles]
    return [dataset.table.columns[name][row] for name in names if name in dataset.table.columns]


def _answer(output: Any, labels: Sequence[str]) -> str:
    """An answer: the label with the highest score, numbers, or JSON."""
    if isinstance(output, np.ndarray):
        if len(labels) == len(output) > 1:
            best = int(output.argmax())
            return f"{labels[best]} {output[best]:.2f}"
        return ", ".join(f"{value:.4g}" for value in output.tolist())
    return _cut(_plain(output), ANSWER_CHARACTERS)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


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
