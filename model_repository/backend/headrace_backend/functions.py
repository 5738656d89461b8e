"""What turns logits into scores; all over the last axis, float32 in and out."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def softmax(logits: Floats) -> Floats:
    """exp(x) / Σ exp(x), shifted by the maximum so that nothing overflows."""
    powers: Floats = np.exp(logits - logits.max(axis=-1, keepdims=True))
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers


def sigmoid(logits: Floats) -> Floats:
    """1 / (1 + exp(-x)), from the side that does not overflow."""
    powers = np.exp(-np.abs(logits))
    scores: Floats = (np.where(logits < 0, powers, np.float32(1)) / (1 + powers)).astype(np.float32)
    return scores


def identity(logits: Floats) -> Floats:
    """The logits themselves."""
    return logits


FUNCTIONS: Mapping[str, Callable[[Floats], Floats]] = {"softmax": softmax, "sigmoid": sigmoid, "tanh": np.tanh, "identity": identity}
"""By the names that manifests have."""

APPLIED: Mapping[str, Callable[[Floats], Floats]] = {"softmax": softmax, "sigmoid": sigmoid, "none": identity}
"""What a request may apply instead, by the names of transformers' `function_to_apply`."""
