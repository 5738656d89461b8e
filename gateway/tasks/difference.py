"""How much two versions' answers to one item differ: what tasks share of it. Pure."""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, Final, NamedTuple

TOP_K: Final = 3
Best = tuple[str, float] | None
"""A label and its score."""


class Difference(NamedTuple):
    """Of one item.

    `flip`: the answer that counts is another one, such as the best label, or the spans; None where
    there is no such answer. `amount` is from 0 to 1. `overlap` is the share that both versions'
    best `TOP_K` labels have in common; None where there are no more labels than that. `before` and
    `after` are the best labels.
    """

    flip: bool | None
    amount: float
    overlap: float | None = None
    before: Best = None
    after: Best = None


def of_scores(one: Mapping[str, float], two: Mapping[str, float]) -> Difference:
    """Of the scores of labels, by name; one that a version does not have counts as 0 there."""
    amount = max((abs(one.get(label, 0.0) - two.get(label, 0.0)) for label in one.keys() | two.keys()), default=0.0)
    first, second = _best(one), _best(two)
    overlap = len(set(first) & set(second)) / TOP_K if min(len(one), len(two)) > TOP_K else None
    before, after = ((labels[0], round(scores[labels[0]], 7)) if labels else None for labels, scores in ((first, one), (second, two)))
    return Difference(first[:1] != second[:1], min(1.0, amount), overlap, before, after)


def _best(scores: Mapping[str, float]) -> list[str]:
    return sorted(scores, key=lambda label: (-scores[label], label))[:TOP_K]


def of_numbers(one: float, two: float) -> Difference:
    """Of one number each: nothing flips."""
    return Difference(None, min(1.0, abs(one - two)))


def of_spans(one: Sequence[Mapping[str, Any]], two: Sequence[Mapping[str, Any]]) -> Difference:
    """Of spans of a text, by where they are and by their labels: the share that is not in both."""
    spans, others = set(map(_span, one)), set(map(_span, two))
    every = spans | others
    return Difference(spans != others, 1 - len(spans & others) / len(every) if every else 0.0)


def _span(found: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    return found.get("start"), found.get("end"), found.get("label")


def of_vectors(one: Sequence[float], two: Sequence[float]) -> Difference:
    """Of embeddings: the cosine distance.

    Raises:
        ValueError: they are of other lengths.
    """
    if len(one) != len(two):
        raise ValueError(f"embeddings of {len(one)} and of {len(two)} numbers cannot be compared")
    lengths = sqrt(sum(x * x for x in one) * sum(y * y for y in two))
    cosine = sum(x * y for x, y in zip(one, two, strict=True)) / lengths if lengths else 1.0
    return Difference(None, min(1.0, max(0.0, 1 - cosine)))
