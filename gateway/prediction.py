"""The one internal request and its answer, whatever dialect a client speaks."""

import struct
from dataclasses import dataclass
from typing import NamedTuple

TOKENS_BYTES = 4


@dataclass(frozen=True, slots=True)
class PredictionRequest:
    """What to predict: UTF-8 texts; an explicit version overrides the experiment. `deadline` is of the event loop's clock, seconds."""

    model: str
    texts: list[bytes]
    unit: str
    deadline: float
    version: int | None = None
    look_up: bool = True
    store: bool = True


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer: a row (scores as float32 × labels, then tokens as int32, as bytes) for each text.

    `age_s` is that of the oldest row where all came from the cache. A text of more tokens than `cut_at` was cut there.
    """

    labels: tuple[str, ...]
    rows: list[bytes]
    age_s: int | None = None
    cut_at: int | None = None

    def truncated(self) -> list[tuple[int, int]]:
        """(index, tokens) of each text that was cut."""
        if self.cut_at is None:
            return []
        counts = (int.from_bytes(row[-TOKENS_BYTES:], "little") for row in self.rows)
        return [(i, tokens) for i, tokens in enumerate(counts) if tokens > self.cut_at]


class Score(NamedTuple):
    """A label and its probability."""

    label: str
    score: float


def best(row: bytes, labels: tuple[str, ...]) -> Score:
    """The label with the highest score."""
    scores = struct.unpack_from(f"<{len(labels)}f", row)
    score = max(scores)
    return Score(labels[scores.index(score)], round(score, 7))


def ranked(row: bytes, labels: tuple[str, ...], top_k: int) -> list[Score]:
    """The `top_k` labels with the highest scores, best first."""
    scores = struct.unpack_from(f"<{len(labels)}f", row)
    order = sorted(range(len(labels)), key=scores.__getitem__, reverse=True)[:top_k]
    return [Score(labels[i], round(scores[i], 7)) for i in order]
