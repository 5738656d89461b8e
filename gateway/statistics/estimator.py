"""What is estimated from the means of an arm: a mean or a ratio, adjusted by a covariate or not.

Each estimate comes with its gradient, from which the delta method makes a variance. Pure.

The adjustment is CUPED: the same quantity of a period before the experiment, times θ, is taken off.
Assignment knows nothing of that period, so the difference of the arms stays what it is, and only
its variance shrinks. Sources: Deng, Xu, Kohavi, Walker, "Improving the sensitivity of online
controlled experiments by utilizing pre-experiment data" (2013); for ratios and their variances
Deng, Knoblich, Lu, "Applying the delta method in metric analytics" (2018).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.statistics.moments import Moments


@dataclass(frozen=True, slots=True)
class Estimate:
    """A function of the means: its value, and its derivative by each mean."""

    value: float
    gradient: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Estimator:
    """Reads the means of an arm.

    `ratio` says that values come in pairs of numerator and denominator. `theta` is how much of the
    values of the period before is taken off, None where there are no such values.
    """

    ratio: bool = False
    theta: float | None = None

    @property
    def width(self) -> int:
        """How many values of a unit are of one period."""
        return 2 if self.ratio else 1

    def adjusted(self, means: Sequence[float]) -> Estimate:
        """The estimate to compare arms by.

        Raises:
            ZeroDivisionError: a ratio whose denominator is 0.
        """
        now = self._of_period(means[: self.width])
        if self.theta is None:
            return now
        before = self._of_period(means[self.width :])
        return Estimate(now.value - self.theta * before.value, (*now.gradient, *(-self.theta * part for part in before.gradient)))

    def unadjusted(self, means: Sequence[float]) -> Estimate:
        """The estimate without its covariate, which is what an arm is said to have."""
        now = self._of_period(means[: self.width])
        return Estimate(now.value, (*now.gradient, *[0.0] * (len(means) - self.width)))

    def _of_period(self, means: Sequence[float]) -> Estimate:
        if not self.ratio:
            return Estimate(means[0], (1.0,))
        numerator, denominator = means
        return Estimate(numerator / denominator, (1 / denominator, -numerator / denominator**2))


def fitted(arms: Iterable[Moments], *, ratio: bool = False) -> Estimator:
    """The estimator whose θ leaves the least variance, from the sums of both arms in all epochs.

    θ is the slope of the metric on its covariate within arms, from the covariances of each arm's
    estimates now and before (linearized for ratios), pooled by units. It is 0 where the covariate
    does not vary.

    Raises:
        ZeroDivisionError: a ratio whose denominator is 0.
    """
    width = 2 if ratio else 1
    plain = Estimator(ratio)
    shared = spread = 0.0
    for moments in arms:
        covariance = moments.covariance
        now = plain.unadjusted(moments.means[:width]).gradient
        before = plain.unadjusted(moments.means[width:]).gradient
        for i, slope in enumerate(before):
            row = covariance[width + i]
            shared += moments.units * slope * sum(part * value for part, value in zip(now, row[:width], strict=True))
            spread += moments.units * slope * sum(part * value for part, value in zip(before, row[width:], strict=True))
    return Estimator(ratio, shared / spread if spread > 0 else 0.0)
