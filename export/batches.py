"""Padded batches of encoded texts, and a graph's outputs over all of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from export.tasks.task import Floats, Ints
from export.tokenization import Encoded

BatchInputs = Mapping[str, Ints]
Run = Callable[[BatchInputs], Floats]
"""A model: int64 inputs [batch, sequence] by name to float32 outputs [batch, labels]."""


def pad(encoded: Encoded, rows: Sequence[int]) -> dict[str, Ints]:
    """`input_ids`, `attention_mask` and `token_type_ids` [rows, longest row] of some of the texts."""
    longest = max(len(encoded.ids[row]) for row in rows)
    input_ids = np.full((len(rows), longest), encoded.pad_id, dtype=np.int64)
    attention_mask = np.zeros((len(rows), longest), dtype=np.int64)
    token_type_ids = np.zeros((len(rows), longest), dtype=np.int64)
    for at, row in enumerate(rows):
        length = len(encoded.ids[row])
        input_ids[at, :length] = encoded.ids[row]
        attention_mask[at, :length] = 1
        token_type_ids[at, :length] = encoded.type_ids[row]
    return {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}


def length_sorted(encoded: Encoded, size: int) -> list[list[int]]:
    """Row numbers of batches of `size` texts of similar length, longest first, so that little is padded and memory peaks at once."""
    lengths = encoded.lengths
    order = sorted(range(len(encoded)), key=lambda row: -lengths[row])
    return [order[at : at + size] for at in range(0, len(order), size)]


def spread_over_lengths(encoded: Encoded, count: int) -> list[int]:
    """`count` row numbers (or all), evenly over the texts in order of length: the shortest and the longest are among them."""
    lengths = encoded.lengths
    order = sorted(range(len(encoded)), key=lengths.__getitem__)
    if len(order) <= count:
        return order
    return [order[round(at * (len(order) - 1) / (count - 1))] for at in range(count)]


def outputs(run: Run, encoded: Encoded, size: int, advance: Callable[[int, int], None] = lambda done, total: None) -> Floats:
    """Outputs [texts, labels] of a model over all texts, in their order, computed in length-sorted batches."""
    rows_done: list[int] = []
    parts: list[Floats] = []
    for rows, part in _run_each(run, encoded, length_sorted(encoded, size)):
        rows_done += rows
        parts.append(part)
        advance(len(rows_done), len(encoded))
    result = np.empty((len(encoded), parts[0].shape[1]), dtype=np.float32)
    result[rows_done] = np.concatenate(parts)
    return result


def _run_each(run: Run, encoded: Encoded, batches: list[list[int]]) -> Iterator[tuple[list[int], Floats]]:
    for rows in batches:
        yield rows, run(pad(encoded, rows))
