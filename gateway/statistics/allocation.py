"""How many units each variant got, and how many it should have got. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allocation:
    """Units and weights of all variants in one epoch, in the same order.

    Variants without weight are left out, so their units must be, too: forced ones, for example.
    """

    counts: Sequence[int]
    weights: Sequence[float]

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.weights):
            raise ValueError(f"{len(self.counts)} counts for {len(self.weights)} weights; each variant needs one of each")
        if min(self.counts, default=0) < 0 or min(self.weights, default=0) < 0 or not sum(self.weights) > 0:
            raise ValueError("counts and weights must not be negative, and one weight must be above 0")

    def counted(self) -> list[tuple[int, float]]:
        """The count and the share of each variant that has a weight; the shares add up to 1."""
        total = sum(self.weights)
        pairs = zip(self.counts, self.weights, strict=True)
        return [(count, weight / total) for count, weight in pairs if weight > 0]
