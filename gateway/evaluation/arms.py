"""The sums that are kept of an arm, as the statistics take them. Pure.

State keeps whole numbers; here they become a metric's own unit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.measurement import moments as kept
from gateway.measurement.features import FEATURES
from gateway.measurement.layout import Sum
from gateway.measurement.running_sums import RunningSums
from gateway.statistics.moments import Moments


@dataclass(frozen=True, slots=True)
class MeasuredEpoch:
    """What was measured in one epoch, and the weights of the variants by name."""

    number: int
    weights: Mapping[str, float]
    sums: RunningSums

    def place(self, variant: str) -> int | None:
        """The index of a variant in this epoch; None where nothing was measured of it."""
        names = self.sums.variants
        return names.index(variant) if variant in names else None

    def units(self, variant: str) -> int:
        """The identified units of a variant."""
        place = self.place(variant)
        return 0 if place is None else self.sums.units(place)

    def anonymous(self, variant: str) -> int:
        """The requests of a variant without a unit, each a unit of its own."""
        place = self.place(variant)
        return 0 if place is None else self.sums.anonymous(place)

    def total(self, variant: str, feature: str) -> int:
        """A feature's sum over all requests of a variant, those without a unit included."""
        place = self.place(variant)
        if place is None:
            return 0
        return sum(self.sums.feature(place, feature, anonymous=anonymous)[1].x for anonymous in (False, True))

    def share(self, control: str, treatment: str) -> float:
        """The treatment's share of both arms' units by the weights."""
        return self.weights[treatment] / (self.weights[control] + self.weights[treatment])


def arm_of_metric(epoch: MeasuredEpoch, variant: str, metric: Sum, now: float) -> Moments | None:
    """The sums of a declared metric over an arm's matured units; None where it has no arm."""
    place = epoch.place(variant)
    return None if place is None else arm_of(metric, *epoch.sums.metric(place, metric.name, now))


def arm_of_feature(epoch: MeasuredEpoch, variant: str, feature: str) -> Moments | None:
    """The sums of a feature of requests over an arm's units; None where it has no arm."""
    place = epoch.place(variant)
    if place is None:
        return None
    return arm_of(epoch.sums.layout.sums[FEATURES.index(feature)], *epoch.sums.feature(place, feature))


def arm_with_errors(epoch: MeasuredEpoch, variant: str) -> Moments | None:
    """The units of an arm that had an error; None where it has no arm."""
    place = epoch.place(variant)
    if place is None:
        return None
    units, errors = epoch.sums.feature(place, "errors")
    return Moments.of_events(units, errors.events)


def arm_of(one: Sum, units: int, sums: kept.Moments) -> Moments:
    """An arm's sums in the metric's own unit.

    A covariate stands behind the metric. That of a ratio is a mean, which is a ratio to 1.
    """
    x, y, z = (float(scale) for scale in one.scales)
    if one.y is None and one.z is None:
        return Moments.of_events(units, sums.x) if one.indicator else Moments.of_mean(units, sums.x / x, sums.xx / (x * x))
    if one.y is None:
        return Moments.of_pair(units, sums.x / x, sums.xx / (x * x), sums.z / z, sums.zz / (z * z), sums.xz / (x * z))
    pair = Moments.of_pair(units, sums.x / x, sums.xx / (x * x), sums.y / y, sums.yy / (y * y), sums.xy / (x * y))
    if one.z is None:
        return pair
    before = (sums.xz / (x * z), sums.yz / (y * z), sums.zz / (z * z))
    return Moments(units, (*pair.sums, sums.z / z, float(units)), _with_a_covariate(pair, before, sums.z / z))


def _with_a_covariate(pair: Moments, before: Sequence[float], total: float) -> tuple[tuple[float, ...], ...]:
    """The products of (x, y, z, 1); `before` are those with z, and `total` is the sum of z."""
    xz, yz, zz = before
    (xx, xy), (_, yy) = pair.products
    x, y = pair.sums
    return ((xx, xy, xz, x), (xy, yy, yz, y), (xz, yz, zz, total), (x, y, total, float(pair.units)))
