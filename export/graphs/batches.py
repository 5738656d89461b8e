"""Padded batches of windows, and what runs them."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from headrace_backend.items import Window
from headrace_backend.session import padded
from numpy.typing import NDArray

from export.checkpoints.tokenization import Encoded

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
BatchInputs = Mapping[str, Ints]
Run = Callable[[BatchInputs], list[Floats]]
"""A model: int64 inputs [batch, sequence] by name to its float32 outputs [batch, …]."""


class Padded:
    """A model that takes windows and pads them itself, as the backend's session does."""

    def __init__(self, run: Run, pad_id: int) -> None:
        self._run = run
        self._pad_id = pad_id

    def run(self, windows: Sequence[Window]) -> list[Floats]:
        """The model's outputs [batch, …] for windows as one batch."""
        return self._run(padded(windows, self._pad_id))


def pad(encoded: Encoded, rows: Sequence[int]) -> BatchInputs:
    """The model's inputs [rows, longest row] for some of the windows."""
    return padded([encoded.windows[row] for row in rows], encoded.pad_id)


def length_sorted(encoded: Encoded, size: int) -> list[list[int]]:
    """Row numbers of batches of `size` windows of similar length, longest first.

    So little is padded, and memory peaks at once.
    """
    lengths = encoded.lengths
    order = sorted(range(len(encoded)), key=lambda row: -lengths[row])
    return [order[at : at + size] for at in range(0, len(order), size)]


def spread(sizes: Sequence[int], count: int) -> list[int]:
    """`count` row numbers (or all), evenly over the rows in order of size.

    The smallest and the largest row are among them.
    """
    order = sorted(range(len(sizes)), key=sizes.__getitem__)
    if len(order) <= count:
        return order
    return [order[round(at * (len(order) - 1) / (count - 1))] for at in range(count)]
