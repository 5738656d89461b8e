"""How much two versions' answers to one item differ. Pure."""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, NamedTuple

import orjson

from gateway.request.row import floats_of, value_of
from model_repository.manifest import Manifest

TOP_K = 3


class Difference(NamedTuple):
    """Of one item.

    `flip`: the answer that counts is another one, such as the best label, or the spans; None where
    there is no such answer. `amount` is from 0 to 1, and `AMOUNTS` says of what. `overlap` is the
    share that both versions' best `TOP_K` labels have in common; None where there are no more
    labels than that.
    """

    flip: bool | None
    amount: float
    overlap: float | None = None


AMOUNTS: Mapping[str, str] = {
    "feature-extraction": "cosine distance",
    "question-answering": "spans not in common",
    "token-classification": "spans not in common",
    "text-ranking": "score difference",
    "text-classification": "score difference",
    "zero-shot-classification": "score difference",
}
"""What the amount is, by the model's task."""


def difference(before: Manifest, row: bytes, after: Manifest, other: bytes) -> Difference:
    """How the answer of the version `after` differs from that of `before`, which has the same task.

    Raises:
        ValueError: the answers cannot be compared, such as embeddings of other lengths.
    """
    if before.task == "feature-extraction":
        return Difference(None, _cosine_distance(floats_of(row), floats_of(other)))
    if before.task in ("token-classification", "question-answering"):
        return _of_spans(orjson.loads(value_of(row)), orjson.loads(value_of(other)), best_alone=before.task == "question-answering")
    if before.task == "zero-shot-classification":
        return _of_scores(_named(orjson.loads(value_of(row))), _named(orjson.loads(value_of(other))))
    if before.task == "text-ranking" or len(before.labels) == 1:
        return Difference(None, min(1.0, abs(floats_of(row)[0] - floats_of(other)[0])))
    scores = dict(zip(before.labels, floats_of(row), strict=True))
    return _of_scores(scores, dict(zip(after.labels, floats_of(other), strict=True)))


def best_of(manifest: Manifest, row: bytes) -> tuple[str, float] | None:
    """The best label and its score; None where the task has none."""
    if manifest.task != "text-classification" or len(manifest.labels) == 1:
        return None
    scores = floats_of(row)
    at = max(range(len(scores)), key=scores.__getitem__)
    return manifest.labels[at], round(scores[at], 7)


def _named(answer: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> dict[str, float]:
    if isinstance(answer, Mapping):
        return dict(zip(answer["labels"], answer["scores"], strict=True))
    return {one["label"]: one["score"] for one in answer}


def _of_scores(one: Mapping[str, float], two: Mapping[str, float]) -> Difference:
    """A label that one version does not have counts as 0 there."""
    amount = max((abs(one.get(label, 0.0) - two.get(label, 0.0)) for label in one.keys() | two.keys()), default=0.0)
    overlap = len(set(_best(one)) & set(_best(two))) / TOP_K if min(len(one), len(two)) > TOP_K else None
    return Difference(_best(one)[:1] != _best(two)[:1], min(1.0, amount), overlap)


def _best(scores: Mapping[str, float]) -> list[str]:
    return sorted(scores, key=lambda label: (-scores[label], label))[:TOP_K]


def _of_spans(one: Sequence[Mapping[str, Any]], two: Sequence[Mapping[str, Any]], *, best_alone: bool) -> Difference:
    if best_alone:
        one, two = one[:1], two[:1]
    spans, others = set(map(_span, one)), set(map(_span, two))
    every = spans | others
    return Difference(spans != others, 1 - len(spans & others) / len(every) if every else 0.0)


def _span(found: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    return found.get("start"), found.get("end"), found.get("label")


def _cosine_distance(one: Sequence[float], two: Sequence[float]) -> float:
    if len(one) != len(two):
        raise ValueError(f"embeddings of {len(one)} and of {len(two)} numbers cannot be compared")
    lengths = sqrt(sum(x * x for x in one) * sum(y * y for y in two))
    return min(1.0, max(0.0, 1 - sum(x * y for x, y in zip(one, two, strict=True)) / lengths)) if lengths else 0.0
