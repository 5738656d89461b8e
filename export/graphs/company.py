"""Whether texts have the same answers in any company: alone, in pairs, in odd batches.

The reference saw each text alone, through the tokenizer and the program of a library; so comparing
the fp32 graph with it finds what our own tokenizing, prompts, padding and pooling do otherwise. The
packaged graph is compared with itself: what reduced precision costs is the gate's to judge.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from headrace_backend.items import Item
from headrace_backend.pipeline import Runs

from export.errors import ExportError
from export.evaluation.metrics.classification import Decide
from export.graphs.distance import ALONE, TOGETHER, Ruler, plain
from export.graphs.serving import BATCH_SIZE, Serving
from model_repository.measured import Precision

TEXTS = 24
"""Of the evaluation set; the repository's own texts come on top."""
_ODD = (3, 5, 7)

OTHER_ANSWERS: dict[Precision, float] = {"fp32": 0.05, "fp16": 0.05, "int8-static": 0.05, "int8-dynamic": 0.25}
"""Share of the texts whose answer (label, span, entities) may be another one in company.

A text between two labels may go either way by rounding. Dynamic int8 takes the range of activations
from the whole batch, so there company itself changes them.
"""
MEAN_MOVED: dict[Precision, float] = {"fp32": 0.01, "fp16": 0.01, "int8-static": 0.01, "int8-dynamic": 0.1}
"""How far answers may move on average in company: a number between 0 and 1, another one as a share
of its output's largest, embeddings by 1 - cosine."""


@dataclass(frozen=True)
class Company:
    """The largest difference from the reference's answers, of texts alone and together."""

    texts: int
    alone: float
    together: float
    unit: str


@dataclass(frozen=True)
class Moved:
    """How far a graph's answers move when texts are sent with others.

    `mean` and `most` are over the answers that are of the same form, as `unit` says; `others` are
    answers that are other labels, another span or list of entities; `answers` is how many were
    compared.
    """

    mean: float
    most: float
    others: int
    answers: int
    unit: str

    @property
    def described(self) -> str:
        """In some words."""
        return f"by {self.mean:.2g} on average and {self.most:.2g} at most ({self.unit}), to another answer for {self.others}"


def compare(serving: Serving, runs: Runs, items: Sequence[Item], expected: Sequence[Any], *, embeddings: bool = False) -> Company:
    """Ask about items alone, in pairs and in odd batches, short and long ones together.

    `expected` are the reference's answers to the items.

    Raises:
        ExportError: an answer is another, or further away than fp32 explains.
    """
    ruler = Ruler(expected, embeddings=embeddings)
    alone = together = 0.0
    for rows in _batches(items):
        answers = serving.answer(runs, [items[row] for row in rows], together=True)
        bound = ALONE if len(rows) == 1 else TOGETHER
        for row, answer in zip(rows, answers, strict=True):
            # NaN fails too
            if not ruler.share_of(bound, expected[row], answer) <= 1:
                raise ExportError(_sentence(len(rows), items[row], ruler.fault(bound, expected[row], answer)))
            found = ruler.difference(expected[row], answer)
            alone, together = (max(alone, found), together) if len(rows) == 1 else (alone, max(together, found))
    return Company(len(items), alone, together, ruler.unit)


def moved(serving: Serving, runs: Runs, items: Sequence[Item], *, embeddings: bool = False, decide: Decide | None = None) -> Moved:
    """How far a graph's answers move from those that it gives to texts alone.

    `decide` reads from scores which labels hold; see `Ruler`.
    """
    answers = [(rows, serving.answer(runs, [items[row] for row in rows], together=True)) for rows in _batches(items)]
    alone = {rows[0]: found[0] for rows, found in answers if len(rows) == 1}
    ruler = Ruler([alone[row] for row in range(len(items))], embeddings=embeddings, decide=decide)
    pairs = [(alone[row], answer) for rows, found in answers if len(rows) > 1 for row, answer in zip(rows, found, strict=True)]
    distances = np.array([ruler.difference(*pair) for pair in pairs])
    others = np.array([ruler.is_other(*pair) for pair in pairs])
    same = distances[np.isfinite(distances)]
    # NaN is no number that moved little
    wrong = bool(np.isnan(distances).any())
    return Moved(
        float("nan") if wrong else float(same.mean()) if len(same) else 0.0,
        float(same.max()) if len(same) else 0.0,
        int(others.sum()),
        len(pairs),
        ruler.unit,
    )


def require_same_in_company(found: Moved, precision: Precision) -> None:
    """Require that company moves answers by no more than the precision explains.

    Raises:
        ExportError: it does.
    """
    mean, share = MEAN_MOVED[precision], OTHER_ANSWERS[precision]
    if not (found.mean <= mean and found.others <= share * found.answers):
        raise ExportError(
            f"answers of the packaged graph move {found.described} of {found.answers} when texts are sent with others; for {precision} "
            f"at most {mean:g} on average and another answer for {share:.0%} are allowed: choose another precision, such as precision: fp32"
        )


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


def _sentence(company: int, item: Item, fault: str) -> str:
    where = "alone" if company == 1 else f"in a batch of {company}"
    text = plain(item.text.decode(errors="replace"))
    return (
        f"the answer of the fp32 graph to {text[:80]!r} {where} {fault}: serving would not answer as the checkpoint's own library does, "
        "so export cannot package it"
    )
