"""How far two answers are from each other: embeddings by their angle, numbers by their output."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.evaluation.metrics.classification import Decide

Floats = NDArray[np.float64]
OTHER = float("inf")
"""The distance of answers that differ in more than a number."""


@dataclass(frozen=True)
class Bound:
    """What may differ: numbers by `least` or, of an output whose largest one is small, by `tiny` of
    that, and by `relative` of it besides; embeddings by `cosine` (1 - cosine) and, of their length,
    by `length`.
    """

    least: float
    tiny: float
    relative: float
    cosine: float
    length: float

    def of(self, largest: Floats) -> Floats:
        """What numbers may differ by, of outputs with these largest ones."""
        allowed: Floats = np.minimum(self.least, self.tiny * largest) + self.relative * largest
        # where an output is always 0, it is so in any arithmetic
        return np.maximum(allowed, np.finfo(np.float32).tiny)


ALONE = Bound(least=1e-3, tiny=0.01, relative=1e-5, cosine=1e-6, length=1e-3)
"""Another order of the same fp32 arithmetic: differences of 1e-5 are usual.

Of outputs that are large numbers, fp32 keeps seven digits: what may differ grows with an output's
largest value.
"""

TOGETHER = Bound(least=0.01, tiny=0.05, relative=0.01, cosine=1e-4, length=0.01)
"""Beside padding some architectures answer a little otherwise in PyTorch as well: ConvBERT by
0.006, MobileBERT by 0.001."""


class Ruler:
    """Distances between answers, on the scale of those that are `expected`.

    An answer is a vector float32 [width], one number for each output or an embedding, or a JSON
    value whose scores are numbers between 0 and 1. `decide` reads from vectors [answers, width]
    which labels hold; None where no label does: of a regression, and of embeddings.
    """

    def __init__(self, expected: Sequence[Any], *, embeddings: bool, decide: Decide | None = None) -> None:
        self._embeddings, self._decide = embeddings, decide
        vectors = len(expected) > 0 and isinstance(expected[0], np.ndarray)
        self._largest: Floats | None = np.abs(np.array([*expected], dtype=np.float64)).max(axis=0) if vectors else None
        self._numbers = max((abs(number) for answer in expected for number in _numbers(answer)), default=0.0)

    @property
    def unit(self) -> str:
        """What a difference is."""
        return "1 - cosine" if self._embeddings else "a number"

    def difference(self, expected: Any, answer: Any) -> float:
        """1 - cosine, or the largest difference of a number; infinite where else they differ.

        Numbers that may be larger than 1 count as a share of their output's largest.
        """
        if self._embeddings:
            return _angle(expected, answer)
        if self._largest is not None:
            return float(np.max(np.abs(_vector(expected) - _vector(answer)) / np.maximum(self._largest, 1.0)))
        return _furthest(expected, answer)

    def share_of(self, bound: Bound, expected: Any, answer: Any) -> float:
        """The difference as a share of what is allowed: at most 1 is."""
        if self._embeddings:
            return float(np.maximum(_angle(expected, answer) / bound.cosine, _stretch(expected, answer) / bound.length))
        if self._largest is not None:
            return float((np.abs(_vector(expected) - _vector(answer)) / bound.of(self._largest)).max())
        return _furthest(expected, answer) / float(bound.of(np.array(self._numbers)))

    def is_other(self, expected: Any, answer: Any) -> bool:
        """Whether an answer is another one for its reader: other labels, another span or entity."""
        if self._largest is not None:
            return self._decide is not None and bool(np.diff(self._decide(np.stack([expected, answer])), axis=0).any())
        return _furthest(expected, answer) == OTHER or _best_label(expected) != _best_label(answer)

    def fault(self, bound: Bound, expected: Any, answer: Any) -> str:
        """What is wrong with an answer that is further away than allowed."""
        found = self.difference(expected, answer)
        if found == OTHER:
            return f"is {str(plain(answer))[:200]}, and the reference's is {str(plain(expected))[:200]}"
        if self._embeddings:
            return (
                f"has the cosine {1 - found:.6f} with the reference's and another length by {_stretch(expected, answer):.2g} of it; "
                f"at least {1 - bound.cosine:.6f} and at most {bound.length:g} are allowed"
            )
        share = self.share_of(bound, expected, answer)
        return f"differs from the reference's by up to {found:.2g}, {share:.2g} times what is allowed"


def plain(answer: Any) -> Any:
    """An answer as JSON has it."""
    return answer.tolist() if isinstance(answer, np.ndarray) else answer


def _vector(answer: Any) -> Floats:
    return np.asarray(answer, dtype=np.float64)


def _angle(expected: Any, answer: Any) -> float:
    one, other = _vector(expected), _vector(answer)
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    if lengths == 0:
        return 0.0 if not one.any() and not other.any() else 1.0
    # half the square of what lies between unit vectors: 1 - cosine itself loses the small digits
    unit = one / np.linalg.norm(one) - other / np.linalg.norm(other)
    return float(unit @ unit / 2)


def _stretch(expected: Any, answer: Any) -> float:
    """The difference of two vectors' lengths, as a share of the expected one."""
    one, other = float(np.linalg.norm(_vector(expected))), float(np.linalg.norm(_vector(answer)))
    return abs(one - other) / one if one else other


def _furthest(expected: Any, answer: Any) -> float:
    """The largest difference of numbers in the same places; infinite where else they differ.

    Labels with their scores are compared by label: two of them may be nearly equal.
    """
    expected, answer = plain(expected), plain(answer)
    if isinstance(expected, float) and isinstance(answer, int | float):
        return abs(expected - answer)
    if isinstance(expected, dict) and isinstance(answer, dict) and expected.keys() == answer.keys():
        if expected.keys() == {"labels", "scores"}:
            expected, answer = (dict(zip(one["labels"], one["scores"], strict=True)) for one in (expected, answer))
            return _furthest(expected, answer) if expected.keys() == answer.keys() else OTHER
        return max((_furthest(expected[key], answer[key]) for key in expected), default=0.0)
    if isinstance(expected, list) and isinstance(answer, list) and len(expected) == len(answer):
        return max(map(_furthest, expected, answer), default=0.0)
    return 0.0 if expected == answer else OTHER


def _best_label(answer: Any) -> str | None:
    """The best of labels with their scores, which come in order; None of another answer."""
    return answer["labels"][0] if isinstance(answer, dict) and answer.keys() == {"labels", "scores"} else None


def _numbers(answer: Any) -> Iterator[float]:
    answer = plain(answer)
    if isinstance(answer, float):
        yield answer
    elif isinstance(answer, dict | list):
        for part in answer.values() if isinstance(answer, dict) else answer:
            yield from _numbers(part)
