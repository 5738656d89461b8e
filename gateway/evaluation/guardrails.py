"""Guardrails judged: is a variant harmful, safe, or is not enough known? Pure.

The error probability is divided among the guardrails, the variants and the epochs. A variant is
harmful if it is in one epoch, and safe if it is in the newest one that has units of both arms:
epochs differ in their weights, and events are counted by the share of an arm.
"""

from collections.abc import Sequence
from dataclasses import replace

from gateway.evaluation import sentences
from gateway.evaluation.arms import MeasuredEpoch
from gateway.evaluation.comparisons import DEFAULT_PLANNED_UNITS, Sample, Terms
from gateway.evaluation.found import Compared
from gateway.statistics import normal_mixture
from gateway.statistics.arm import standardized, usable
from gateway.statistics.effect import difference
from gateway.statistics.estimator import Estimator, fitted
from gateway.statistics.guardrail import Guardrail, UnitsWithEvent, Verdict, judge_events, judge_mean
from gateway.statistics.moments import Moments

EVENTS = ("binary", "share-over-threshold")


def judged(sample: Sample, one: Compared, terms: Terms, alpha: float) -> Compared:
    """A comparison with its guardrail's verdict at level α; without one if nothing is known."""
    control = terms.variants[0]
    epochs = [(epoch, arms[control], arms[one.variant]) for epoch, arms in sample.epochs if control in arms and one.variant in arms]
    epochs = [(epoch, mine, theirs) for epoch, mine, theirs in epochs if usable([(mine, theirs)])]
    if not epochs:
        return one
    guardrail = (
        _of_events(sample, one.variant, control, epochs, alpha)
        if sample.kind in EVENTS and not sample.covariate
        else _of_means(sample, [(mine, theirs) for _, mine, theirs in epochs], terms, alpha)
    )
    if guardrail is None:
        return one
    said = one.sentence if terms.blocked else sentences.of_guardrail(one.variant, guardrail, sample.margin or 0.0)
    return replace(one, guardrail=guardrail, sentence=said)


def _of_events(
    sample: Sample, treatment: str, control: str, epochs: Sequence[tuple[MeasuredEpoch, Moments, Moments]], alpha: float
) -> Guardrail:
    verdicts = [
        judge_events(
            UnitsWithEvent(mine.sums[0], mine.units),
            UnitsWithEvent(theirs.sums[0], theirs.units),
            share=epoch.share(control, treatment),
            direction=sample.direction,
            margin=sample.margin or 0.0,
            alpha=alpha / len(epochs),
        )
        for epoch, mine, theirs in epochs
    ]
    return next((found for found in verdicts if found.verdict is Verdict.HARMFUL), verdicts[-1])


def _of_means(sample: Sample, pairs: Sequence[tuple[Moments, Moments]], terms: Terms, alpha: float) -> Guardrail | None:
    try:
        arms = [arm for pair in pairs for arm in pair]
        estimator = fitted(arms, ratio=sample.ratio) if sample.covariate else Estimator(sample.ratio)
        effect = difference(*standardized(pairs), estimator)
    except ZeroDivisionError:
        return None
    if not effect.standard_error > 0:
        return None
    return judge_mean(
        effect.estimate,
        effect.standard_error,
        effect.units,
        rho2=normal_mixture.tuning(terms.planned_units or DEFAULT_PLANNED_UNITS, alpha, one_sided=True),
        direction=sample.direction,
        margin=sample.margin or 0.0,
        alpha=alpha,
    )
