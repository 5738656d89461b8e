"""An arm over its epochs: means of its values, standardized to one mix of epochs. Pure.

A change of weights opens an epoch. An arm that has more of its units in the epochs with good days
looks better than it is (Simpson's paradox). So both arms' means are averaged over the epochs with
the same weights, the share of each epoch in the units of both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.statistics.moments import Matrix, Moments

LEAST_UNITS = 2
"""Of an arm in an epoch: a variance needs as many."""


@dataclass(frozen=True, slots=True)
class Arm:
    """Means of the k values of a unit, and the covariances of these means (k × k)."""

    units: int
    means: tuple[float, ...]
    covariance: Matrix

    def variance_along(self, gradient: Sequence[float]) -> float:
        """The variance of a function of the means that has this gradient (delta method)."""
        rows = zip(gradient, self.covariance, strict=True)
        total = sum(a * sum(b * value for b, value in zip(gradient, row, strict=True)) for a, row in rows)
        return max(0.0, total)


Epochs = Sequence[tuple[Moments, Moments]]
"""The sums of the control and of the treatment, epoch by epoch."""


def usable(epochs: Epochs) -> list[tuple[Moments, Moments]]:
    """The epochs that both arms have enough units in to be compared."""
    return [pair for pair in epochs if min(pair[0].units, pair[1].units) >= LEAST_UNITS]


def standardized(epochs: Epochs) -> tuple[Arm, Arm]:
    """Both arms, averaged over usable epochs by the epochs' shares of the units.

    Raises:
        ValueError: no epoch.
    """
    total = sum(control.units + treatment.units for control, treatment in epochs)
    if not total:
        raise ValueError("there is no epoch in which both arms have units")
    shares = [(control.units + treatment.units) / total for control, treatment in epochs]
    return _averaged([control for control, _ in epochs], shares), _averaged([treatment for _, treatment in epochs], shares)


def _averaged(epochs: Sequence[Moments], shares: Sequence[float]) -> Arm:
    values = range(len(epochs[0].sums))
    means = [epoch.means for epoch in epochs]
    covariances = [epoch.covariance for epoch in epochs]
    factors = [share * share / epoch.units for share, epoch in zip(shares, epochs, strict=True)]
    return Arm(
        sum(epoch.units for epoch in epochs),
        tuple(sum(share * mean[i] for share, mean in zip(shares, means, strict=True)) for i in values),
        tuple(
            tuple(sum(factor * matrix[i][j] for factor, matrix in zip(factors, covariances, strict=True)) for j in values) for i in values
        ),
    )
