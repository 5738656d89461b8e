"""Where a search begins, how near it must come, and when it gives up."""

import math
from dataclasses import dataclass


class BoundsError(ValueError):
    """Bounds that no search can keep; the message names the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The bounds of a search.

    `first_rps` is the first rate and the lowest, `most_rps` the highest rate that is tried.
    `resolution` is half the width of the 95 % interval that ends the search, as a share of the
    rate: 0.1 is ± 10 %. `most_trials` is how many runs there are at most.

    Raises:
        BoundsError: no search can keep them.
    """

    first_rps: float = 10.0
    resolution: float = 0.1
    most_rps: float = 100_000.0
    most_trials: int = 40

    def __post_init__(self) -> None:
        if not 0 < self.first_rps < math.inf:
            raise BoundsError("the first rate must be more than 0 requests/s")
        if not 0.005 <= self.resolution <= 0.5:
            raise BoundsError("the resolution must be from 0.005 to 0.5: half the interval's width as a share of the rate")
        if not self.first_rps <= self.most_rps < math.inf:
            raise BoundsError("the highest rate must not be below the first")
        if self.most_trials < 2:
            raise BoundsError("a search needs at least 2 trials")

    def on_grid(self, rate_rps: float) -> float:
        """The nearest rate that the search tries.

        Those are powers of 1 + `resolution` times the first rate, so that rates near the edge
        repeat.
        """
        step = math.log1p(self.resolution)
        nearest = self.first_rps * math.exp(round(math.log(rate_rps / self.first_rps) / step) * step)
        return min(max(nearest, self.first_rps), self.most_rps)
