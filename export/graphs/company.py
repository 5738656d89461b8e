"""Whether texts have the reference's answers in any company: alone, in pairs, in odd batches.

The reference saw each text alone, through the tokenizer and the program of a library; so this finds
what our own tokenizing, prompts, padding and pooling do otherwise.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from headrace_backend.items import Item
from headrace_backend.pipeline import Runs

from export.errors import ExportError
from export.graphs.checks import FP32_OUTPUTS_ATOL, FP32_OUTPUTS_RTOL
from export.graphs.serving import BATCH_SIZE, Serving

TEXTS = 24
TOGETHER_ATOL, TOGETHER_RTOL = 0.01, 0.01
"""Beside padding some architectures answer a little otherwise in PyTorch as well: ConvBERT by
0.006, MobileBERT by 0.001."""
_ODD = (3, 5, 7)


@dataclass(frozen=True)
class Company:
    """The largest difference of a number from the reference's, of texts alone and together."""

    alone: float
    together: float


def compare(serving: Serving, runs: Runs, items: Sequence[Item], expected: Sequence[Any]) -> Company:
    """Ask about items alone, in pairs and in odd batches, short and long ones together.

    `expected` are the reference's answers to the items.

    Raises:
        ExportError: an answer is another, or a number further away than fp32 explains.
    """
    scale = max((abs(number) for answer in expected for number in _numbers(answer)), default=0.0)
    alone = together = 0.0
    for rows in _batches(items):
        answers = serving.answer(runs, [items[row] for row in rows], together=True)
        atol, rtol = (FP32_OUTPUTS_ATOL, FP32_OUTPUTS_RTOL) if len(rows) == 1 else (TOGETHER_ATOL, TOGETHER_RTOL)
        for row, answer in zip(rows, answers, strict=True):
            found = difference(_plain(expected[row]), _plain(answer))
            # NaN fails too
            if not found <= atol + rtol * scale:
                raise ExportError(_sentence(len(rows), items[row], expected[row], answer, found, atol + rtol * scale))
            alone, together = (max(alone, found), together) if len(rows) == 1 else (alone, max(together, found))
    return Company(alone, together)


def difference(expected: Any, answer: Any) -> float:
    """The largest difference of numbers in the same places; infinite where else they differ.

    Labels with their scores are compared by label: two of them may be nearly equal.
    """
    if isinstance(expected, float) and isinstance(answer, int | float):
        return abs(expected - answer)
    if isinstance(expected, dict) and isinstance(answer, dict) and expected.keys() == answer.keys():
        if expected.keys() == {"labels", "scores"}:
            expected, answer = (dict(zip(one["labels"], one["scores"], strict=True)) for one in (expected, answer))
            return difference(expected, answer) if expected.keys() == answer.keys() else float("inf")
        return max((difference(expected[key], answer[key]) for key in expected), default=0.0)
    if isinstance(expected, list) and isinstance(answer, list) and len(expected) == len(answer):
        return max(map(difference, expected, answer), default=0.0)
    return 0.0 if expected == answer else float("inf")


def _batches(items: Sequence[Item]) -> Iterator[list[int]]:
    """Rows of the items alone, the shortest beside the longest, and batches of odd sizes."""
    rows = sorted(range(len(items)), key=lambda row: len(items[row].text) + len(items[row].text_pair or b""))
    mixed = [row for pair in zip(rows, reversed(rows), strict=True) for row in pair][: len(rows)]
    yield from ([row] for row in rows)
    yield from (mixed[at : at + 2] for at in range(0, len(mixed), 2))
    at = turn = 0
    while at < len(mixed):
        size = min(_ODD[turn % len(_ODD)], BATCH_SIZE)
        yield mixed[at : at + size]
        at, turn = at + size, turn + 1


def _plain(answer: Any) -> Any:
    return answer.tolist() if isinstance(answer, np.ndarray) else answer


def _numbers(answer: Any) -> Iterator[float]:
    answer = _plain(answer)
    if isinstance(answer, float):
        yield answer
    elif isinstance(answer, dict | list):
        for part in answer.values() if isinstance(answer, dict) else answer:
            yield from _numbers(part)


def _sentence(company: int, item: Item, expected: Any, answer: Any, found: float, allowed: float) -> str:
    where = "alone" if company == 1 else f"in a batch of {company}"
    text = item.text.decode(errors="replace")
    if found == float("inf"):
        what = f"is {str(_plain(answer))[:200]}, and the reference's is {str(_plain(expected))[:200]}"
    else:
        what = f"differs from the reference's by up to {found:.2g}; at most {allowed:.2g} is allowed"
    return (
        f"the answer of the fp32 graph to {text[:80]!r} {where} {what}: serving would not answer as the checkpoint's own library does, "
        "so export cannot package it"
    )
