"""The one internal request and its answer, whatever dialect a client speaks."""

import struct
from dataclasses import dataclass
from typing import NamedTuple


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
    """The answer: a row of scores (float32 × labels, as bytes) for each text; `age_s` of the oldest where all came from the cache."""

    labels: tuple[str, ...]
    rows: list[bytes]
    age_s: int | None = None


class Score(NamedTuple):
    """A label and its probability."""

    label: str
    score: float


def best(row: bytes, labels: tuple[str, ...]) -> Score:
    """The label with the highest score."""
    scores = struct.unpack(f"<{len(labels)}f", row)
    score = max(scores)
    return Score(labels[scores.index(score)], round(score, 7))


def ranked(row: bytes, labels: tuple[str, ...], top_k: int) -> list[Score]:
    """The `top_k` labels with the highest scores, best first."""
    scores = struct.unpack(f"<{len(labels)}f", row)
    order = sorted(range(len(labels)), key=scores.__getitem__, reverse=True)[:top_k]
    return [Score(labels[i], round(scores[i], 7)) for i in order]
