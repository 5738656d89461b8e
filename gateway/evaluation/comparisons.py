"""Metrics compared: every variant against the control, and goals with each other. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateway.evaluation import sentences
from gateway.evaluation.arms import MeasuredEpoch
from gateway.evaluation.found import ArmEstimate, Compared, MetricResult
from gateway.statistics.comparison import Comparison, compare
from gateway.statistics.decision import Decision, Direction, decide
from gateway.statistics.estimator import Estimator
from gateway.statistics.moments import Moments
from gateway.statistics.multiplicity import holm

if TYPE_CHECKING:
    from gateway.evaluation.fixed_horizon import FixedHorizon

ALPHA = 0.05
"""Intervals hold with probability 1 − α at all looks; so do all goals together."""
DEFAULT_PLANNED_UNITS = 5_000
"""Where none are planned: at so many units intervals are narrowest."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What all comparisons of an experiment share.

    `variants` begin with the control. `have` are the units that there are. With `fixed_horizon`,
    what one look at the planned end would say stands beside each comparison.
    """

    variants: Sequence[str]
    planned_units: int | None
    have: int
    blocked: bool
    fixed_horizon: bool = False

    @property
    def treatments(self) -> Sequence[str]:
        """The variants that are compared with the control."""
        return self.variants[1:]

    @property
    def missing_units(self) -> int | None:
        """How many units of the planned ones are missing; None where none are planned."""
        return None if self.planned_units is None else max(0, self.planned_units - self.have)


@dataclass(frozen=True, slots=True)
class Sample:
    """One metric in all epochs: the arms of each by the variant's name, and what its values are."""

    name: str
    kind: str
    direction: Direction
    epochs: Sequence[tuple[MeasuredEpoch, Mapping[str, Moments]]]
    ratio: bool = False
    covariate: bool = False
    margin: float | None = None

    def pairs(self, control: str, treatment: str) -> list[tuple[Moments, Moments]]:
        """(control, treatment) of the epochs that have both."""
        return [(arms[control], arms[treatment]) for _, arms in self.epochs if control in arms and treatment in arms]

    def pooled(self, variant: str) -> Moments | None:
        """A variant's sums over all epochs; None where there are none."""
        found = [arms[variant] for _, arms in self.epochs if variant in arms]
        return sum(found[1:], found[0]) if found else None


def estimates(sample: Sample, variants: Iterable[str]) -> tuple[ArmEstimate, ...]:
    """Each arm's own value."""
    return tuple(_estimate(sample, variant) for variant in variants)


def compared(sample: Sample, treatment: str, terms: Terms) -> Compared:
    """A variant against the control in one metric, by itself."""
    found = _found(sample, treatment, terms)
    decision = decide(found.interval if found else None, sample.direction, sample.margin, blocked=terms.blocked)
    sentence = sentences.of_comparison(treatment, decision, found, terms.missing_units)
    horizon = _fixed_horizon(sample, treatment, terms) if terms.fixed_horizon and found is not None else None
    return Compared(treatment, decision, sentence, found, fixed_horizon=horizon)


def _fixed_horizon(sample: Sample, treatment: str, terms: Terms) -> "FixedHorizon | None":
    """By Welch's test; None with several epochs, which it cannot tell apart."""
    from gateway.evaluation.fixed_horizon import fixed_horizon  # of an extra, and takes a second to import

    pairs = sample.pairs(terms.variants[0], treatment)
    if len(pairs) != 1:
        return None
    return fixed_horizon(*pairs[0], ratio=sample.ratio, covariate=sample.covariate, alpha=ALPHA)


def adjusted(goals: Sequence[MetricResult], terms: Terms) -> tuple[MetricResult, ...]:
    """The goals with p-values that hold for all of them together (Holm).

    A goal whose adjusted p-value is above α is not known well enough, whatever its own interval
    says.
    """
    found = {(goal.name, one.variant): one.found.p_value for goal in goals for one in goal.comparisons if one.found is not None}
    together = holm({"\n".join(key): p_value for key, p_value in found.items()})
    return tuple(
        replace(goal, comparisons=tuple(_adjusted(one, together.get(f"{goal.name}\n{one.variant}"), terms) for one in goal.comparisons))
        for goal in goals
    )


def _adjusted(one: Compared, p_value: float | None, terms: Terms) -> Compared:
    decision, sentence = one.decision, one.sentence
    if p_value is not None and p_value > ALPHA and decision in (Decision.BETTER, Decision.WORSE):
        decision = Decision.NOT_ENOUGH_KNOWN
        sentence = f"{sentences.of_comparison(one.variant, decision, one.found, terms.missing_units)}; among all goals it may be chance"
    return replace(one, decision=decision, sentence=sentence, adjusted_p=p_value)


def _found(sample: Sample, treatment: str, terms: Terms) -> Comparison | None:
    control = terms.variants[0]
    epochs = [epoch for epoch, arms in sample.epochs if control in arms and treatment in arms]
    return compare(
        sample.pairs(control, treatment),
        planned_units=terms.planned_units or DEFAULT_PLANNED_UNITS,
        alpha=ALPHA,
        ratio=sample.ratio,
        covariate=sample.covariate,
        share=epochs[0].share(control, treatment) if len(epochs) == 1 else None,
    )


def _estimate(sample: Sample, variant: str) -> ArmEstimate:
    arm = sample.pooled(variant)
    if arm is None or not arm.units:
        return ArmEstimate(variant, None, 0)
    try:
        return ArmEstimate(variant, Estimator(sample.ratio).unadjusted(arm.means).value, arm.units)
    except ZeroDivisionError:
        return ArmEstimate(variant, None, arm.units)
