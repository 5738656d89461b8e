"""Whether the answers fit the right labels better under other names: labels in a wrong order."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.evaluation.assessment import Confusion

LEAST_KAPPA = 0.4
"""Cohen's kappa under the other names: "moderate" agreement (Landis and Koch 1977)."""
LEAST_Z = 3.3
"""Of a sign test between the examples that only the other names make right and those that only the
present ones do: one in two thousand by chance."""
CLEARLY_MORE = 3
"""The former are this many times as many as the latter."""


@dataclass(frozen=True)
class OtherOrder:
    """Labels (`called`: what they are in the evaluation set) that fit better under other names."""

    renamed: tuple[tuple[str, str], ...]
    right: int
    right_renamed: int
    counted: int

    def __str__(self) -> str:
        *first, last = (f"{called} is {meant}" for called, meant in self.renamed)
        shown = f"{', '.join(first)} and {last}" if first else last
        return (
            f"the labels seem to be in another order than the evaluation set's: where what the model calls {shown}, "
            f"{self.right_renamed} of {self.counted} answers are right, and {self.right} as it is"
        )


def better_order(confusion: Confusion) -> OtherOrder | None:
    """The names under which the answers fit clearly better; None where the present ones fit."""
    from scipy.optimize import linear_sum_assignment  # takes as long to import as the rest of the command line

    counts = np.asarray(confusion.counts, dtype=np.float64)
    total = counts.sum()
    if total == 0:
        return None
    answered, meant = linear_sum_assignment(-counts)
    moved = answered != meant
    gained, lost = float(counts[answered[moved], meant[moved]].sum()), float(counts[answered[moved], answered[moved]].sum())
    if gained < CLEARLY_MORE * lost or gained - lost < LEAST_Z * np.sqrt(gained + lost) or not moved.any():
        return None
    if _kappa(counts[:, meant]) < LEAST_KAPPA:
        return None
    # labels that neither were answered nor occur take whatever place is left
    seen = sorted((one, other) for one, other in zip(answered[moved], meant[moved], strict=True) if counts[one, other])
    right = float(np.trace(counts))
    renamed = tuple((confusion.names[one], confusion.names[other]) for one, other in seen)
    return OtherOrder(renamed, int(right), int(right - lost + gained), int(total))


def _kappa(counts: NDArray[np.float64]) -> float:
    total = counts.sum()
    by_chance = float(counts.sum(axis=0) @ counts.sum(axis=1)) / total**2
    return (float(np.trace(counts)) / total - by_chance) / (1 - by_chance) if by_chance < 1 else 0.0
