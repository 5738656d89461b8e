"""A bandit's next weights, by what was measured. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gateway.evaluation.arms import MeasuredEpoch, arm_of_metric
from gateway.experiments.definition import Bandit, Definition
from gateway.measurement.layout import Layout, Sum
from gateway.statistics.best_arm import probabilities_of_best, rate_over
from gateway.statistics.moments import Moments

LEAST_UNITS: Final = 100
"""Of each arm, before weights move for the first time."""
LEAST_MOVE: Final = 0.01
"""A weight that would move by less stays, so that no epoch opens for nothing."""


def next_weights(
    definition: Definition, bandit: Bandit, layout: Layout, epochs: Sequence[MeasuredEpoch], now: float
) -> Mapping[str, float] | None:
    """The weights of the arms from now on; None where they stay.

    Each arm gets the probability that it is the best, and the floor at least.
    """
    names = [variant.name for variant in definition.variants if variant.weight > 0]
    [metric] = [one for one in definition.metrics if one.name == bandit.metric]
    [kept] = [one for one in layout.metrics if one.name == bandit.metric]
    periods = list(_periods(epochs, names, kept, now))
    if not periods or min(sum(arms[name].units for arms in periods) for name in names) < LEAST_UNITS:
        return None
    rates = [rate_over([(sum(arm.units for arm in arms.values()), arms[name]) for arms in periods]) for name in names]
    sign = 1 if metric.direction == "increase" else -1
    best = probabilities_of_best([rate._replace(estimate=sign * rate.estimate) for rate in rates])
    spare = 1 - bandit.floor * len(names)
    weights = {name: round(bandit.floor + spare * share, 4) for name, share in zip(names, best, strict=True)}
    weights[names[0]] = round(1 - sum(weights[name] for name in names[1:]), 4)
    before = {variant.name: variant.weight for variant in definition.variants}
    return weights if any(abs(weights[name] - before[name]) >= LEAST_MOVE for name in names) else None


def _periods(epochs: Sequence[MeasuredEpoch], names: Sequence[str], metric: Sum, now: float) -> Iterator[Mapping[str, Moments]]:
    """The arms of each epoch in which all of them have units."""
    for epoch in epochs:
        arms = {name: arm for name in names if (arm := arm_of_metric(epoch, name, metric, now)) is not None and arm.units}
        if len(arms) == len(names):
            yield arms
