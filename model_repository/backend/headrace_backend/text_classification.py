"""Text classification: one label of several; the graph gives logits, Triton gives probabilities."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

SCORES = "SCORES"


class TextClassification:
    """`logits` float32 [batch, labels] → SCORES float32 [batch, labels], each row a probability distribution."""

    graph_outputs = ("logits",)

    def __init__(self, labels: int) -> None:
        self.widths = {SCORES: labels}

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> Self:
        """The task with the labels that a manifest names."""
        return cls(len(manifest["labels"]))

    def finish(self, fetched: Sequence[NDArray[np.float32]], attention_mask: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
        """Softmax over the labels."""
        (logits,) = fetched
        return {SCORES: softmax(logits)}


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """exp(x) / Σ exp(x) over the last axis, shifted by the maximum so that nothing overflows."""
    powers: NDArray[np.float32] = np.exp(logits - logits.max(axis=-1, keepdims=True))
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers
