"""The results of an experiment, made of the running sums of all its epochs. Pure.

Units are counted in the arm that they were assigned to, whatever answered them (intention to
treat). Epochs are compared each in itself and then averaged with the same weights for both arms, so
that a change of weights shows no effect where there is none.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gateway.evaluation.arms import MeasuredEpoch, arm_of_feature, arm_of_metric, arm_with_errors
from gateway.evaluation.comparisons import ALPHA, Sample, Terms, adjusted, compared, estimates
from gateway.evaluation.found import MetricResult, Planned, Results, SampleRatio, VariantCount
from gateway.evaluation.guardrails import judged
from gateway.experiments.definition import Definition, Metric
from gateway.measurement.layout import Layout, Sum
from gateway.statistics import ratio_mismatch
from gateway.statistics.allocation import Allocation
from gateway.statistics.decision import Decision
from gateway.statistics.moments import Moments

REQUEST_METRICS = ("errors", "sheds", "fallbacks", "items", "bypass_slow", "bypass_triton_seconds")
"""Features of requests that are compared whatever is declared; all become better by falling."""
UNITS_WITH_ERRORS = "units_with_errors"
ERRORS_MARGIN = 0.01
"""Of the units that had an error: so much more is no harm where nothing else is said."""
DAY_S = 86_400.0
LEAST_PACE_S = 3_600.0
"""A pace in units a day is said after an hour."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is evaluated: an experiment as it is now; times are in seconds since 1970."""

    definition: Definition
    status: str
    epoch: int
    started_at: float | None
    stopped_at: float | None = None


def evaluated(
    subject: Subject, layout: Layout, epochs: Sequence[MeasuredEpoch], least_p: float, now: float, *, fixed_horizon: bool = False
) -> Results:
    """The results at one look; `least_p` is the least p-value of the sample ratio until now."""
    definition = subject.definition
    served = [variant.name for variant in definition.variants if variant.weight > 0 or any(epoch.units(variant.name) for epoch in epochs)]
    variants = tuple(_count(name, epochs) for name in served)
    dropped = sum(epoch.sums.dropped for epoch in epochs)
    ratio = _sample_ratio(epochs, variants, dropped, least_p)
    have = sum(one.units for one in variants)
    terms = Terms(served, definition.planned_units, have, blocked=not ratio.ok, fixed_horizon=fixed_horizon)
    metrics = _declared(definition, layout, epochs, terms, now)
    return Results(
        key=definition.key,
        status=subject.status,
        epoch=subject.epoch,
        epochs=tuple(epoch.number for epoch in epochs),
        at=now,
        sample_ratio=ratio,
        variants=variants,
        dropped_exposures=dropped,
        metrics=metrics,
        requests=(*_of_requests(epochs, terms), *([_units_with_errors(epochs, terms)] if _needs_a_guardrail(definition) else [])),
        planned=_planned(subject, have, now),
        warnings=tuple(_warnings(definition, dropped, variants, epochs)),
        sentence=_sentence(metrics, ratio, have),
    )


def _count(variant: str, epochs: Sequence[MeasuredEpoch]) -> VariantCount:
    def total(feature: str) -> int:
        return sum(epoch.total(variant, feature) for epoch in epochs)

    items = total("items")
    return VariantCount(
        variant,
        units=sum(epoch.units(variant) for epoch in epochs),
        planned_share=_planned_share(variant, epochs),
        requests=total("requests"),
        anonymous=sum(epoch.anonymous(variant) for epoch in epochs),
        fallbacks=total("fallbacks"),
        errors=total("errors"),
        sheds=total("sheds"),
        hit_share=total("hits") / items if items else None,
    )


def _planned_share(variant: str, epochs: Sequence[MeasuredEpoch]) -> float | None:
    """A variant's share of all units by the weights, those of each epoch for the units of it."""
    units = [(epoch, sum(map(epoch.units, epoch.weights))) for epoch in epochs]
    total = sum(count for _, count in units)
    return sum(count * epoch.weights.get(variant, 0.0) for epoch, count in units) / total if total else None


def _sample_ratio(epochs: Sequence[MeasuredEpoch], variants: Sequence[VariantCount], dropped: int, least_p: float) -> SampleRatio:
    allocations = [
        Allocation(
            [epoch.units(name) for name, weight in epoch.weights.items() if weight > 0], [w for w in epoch.weights.values() if w > 0]
        )
        for epoch in epochs
    ]
    found = ratio_mismatch.check(allocations, least_p)
    return SampleRatio(found.ok, found.p_value, found.chi_square, () if found.ok else tuple(_causes(variants, dropped)))


def _causes(variants: Sequence[VariantCount], dropped: int) -> Iterator[str]:
    if dropped:
        yield f"{dropped:,} exposures were dropped while state was gone"
    if any(one.fallbacks for one in variants):
        shares = ", ".join(f"{one.name} {one.fallbacks:,}" for one in variants)
        yield f"requests that the control answered since the variant's version was not ready: {shares}"
    yield "what clients do before they ask: retries, caches of their own, or bots that only one variant attracts"
    yield "units that were assigned elsewhere, with another seed or other weights"


def _declared(
    definition: Definition, layout: Layout, epochs: Sequence[MeasuredEpoch], terms: Terms, now: float
) -> tuple[MetricResult, ...]:
    sums = {one.name: one for one in layout.metrics}
    measured = [metric for metric in definition.metrics if metric.name in sums]
    alpha = ALPHA / max(1, len(definition.guardrails) * len(terms.treatments))
    found = {metric.name: _result(metric, sums[metric.name], epochs, terms, alpha, now) for metric in measured}
    goals = adjusted([found[metric.name] for metric in measured if metric.goal], terms)
    found |= {goal.name: goal for goal in goals}
    return tuple(
        found.get(metric.name)
        or MetricResult(metric.name, metric.kind, _role(metric), metric.direction, (), (), layout.unmeasured[metric.name])
        for metric in definition.metrics
    )


def _result(metric: Metric, one: Sum, epochs: Sequence[MeasuredEpoch], terms: Terms, alpha: float, now: float) -> MetricResult:
    sample = Sample(
        metric.name,
        metric.kind,
        metric.direction,
        _sums(epochs, terms, lambda epoch, variant: arm_of_metric(epoch, variant, one, now)),
        ratio=one.y is not None,
        covariate=one.z is not None,
        margin=metric.margin,
    )
    comparisons = [compared(sample, treatment, terms) for treatment in terms.treatments]
    if metric.guardrail:
        comparisons = [judged(sample, comparison, terms, alpha) for comparison in comparisons]
    arms = estimates(sample, terms.variants)
    return MetricResult(
        metric.name, metric.kind, _role(metric), metric.direction, arms, tuple(comparisons), guards=metric.guardrail, margin=metric.margin
    )


def _of_requests(epochs: Sequence[MeasuredEpoch], terms: Terms) -> Iterator[MetricResult]:
    for feature in REQUEST_METRICS:
        found = _sums(epochs, terms, lambda epoch, variant, feature=feature: arm_of_feature(epoch, variant, feature))  # type: ignore[misc]
        sample = Sample(feature, "ratio", "decrease", found, ratio=True)
        comparisons = tuple(compared(sample, treatment, terms) for treatment in terms.treatments)
        yield MetricResult(feature, "ratio", "request", "decrease", estimates(sample, terms.variants), comparisons)


def _needs_a_guardrail(definition: Definition) -> bool:
    """Whether a ramp has no guardrail of its own."""
    return definition.ramp is not None and not definition.guardrails


def _units_with_errors(epochs: Sequence[MeasuredEpoch], terms: Terms) -> MetricResult:
    """The guardrail of ramps without any: the share of units that had an error."""
    found = _sums(epochs, terms, arm_with_errors)
    sample = Sample(UNITS_WITH_ERRORS, "binary", "decrease", found, margin=ERRORS_MARGIN)
    alpha = ALPHA / max(1, len(terms.treatments))
    comparisons = tuple(judged(sample, compared(sample, treatment, terms), terms, alpha) for treatment in terms.treatments)
    arms = estimates(sample, terms.variants)
    return MetricResult(UNITS_WITH_ERRORS, "binary", "guardrail", "decrease", arms, comparisons, guards=True, margin=ERRORS_MARGIN)


def _sums(
    epochs: Sequence[MeasuredEpoch], terms: Terms, arm: Callable[[MeasuredEpoch, str], Moments | None]
) -> list[tuple[MeasuredEpoch, dict[str, Moments]]]:
    """The arms of each epoch; a variant without weight in an epoch is left out of it."""
    return [
        (epoch, {name: found for name in terms.variants if epoch.weights.get(name) and (found := arm(epoch, name)) is not None})
        for epoch in epochs
    ]


def _role(metric: Metric) -> str:
    return "goal" if metric.goal else "guardrail" if metric.guardrail else "other"


def _planned(subject: Subject, have: int, now: float) -> Planned | None:
    planned = subject.definition.planned_units
    if planned is None:
        return None
    until = subject.stopped_at or now
    passed_s = 0.0 if subject.started_at is None else until - subject.started_at
    pace = have / passed_s * DAY_S if passed_s >= LEAST_PACE_S else None
    left = max(0, planned - have)
    return Planned(planned, have, pace, left / pace if pace else None)


def _warnings(definition: Definition, dropped: int, variants: Sequence[VariantCount], epochs: Sequence[MeasuredEpoch]) -> Iterator[str]:
    if dropped:
        yield f"{dropped:,} exposures were dropped while state was gone: what is counted is not all that there was"
    for one in variants:
        if one.fallbacks:
            yield f"the control answered {one.fallbacks:,} requests of {one.name}, whose version was not ready: its effect looks smaller"
    identified, anonymous = sum(one.units for one in variants), sum(one.anonymous for one in variants)
    if anonymous > identified:
        yield f"{anonymous:,} requests had no X-Unit-ID: each is a unit of its own, has no outcomes, and is not compared"
    if definition.bandit is not None:
        yield f"weights follow {definition.bandit.metric}: of an arm that began badly less is known, so its estimate looks worse than it is"
    if len(epochs) > 1:
        yield f"weights or variants changed {len(epochs) - 1} times: arms are compared within each epoch"


def _sentence(metrics: Sequence[MetricResult], ratio: SampleRatio, have: int) -> str:
    """The whole in a sentence: the first goal that something is known of."""
    if not ratio.ok:
        return f"nothing can be concluded: the units' split does not fit the weights (p = {ratio.p_value:.2g})"
    goals = [one for metric in metrics if metric.role == "goal" for one in metric.comparisons]
    known = [one for one in goals if one.decision not in (Decision.NOT_ENOUGH_KNOWN, Decision.BLOCKED)]
    if known or goals:
        return (known or goals)[0].sentence
    return f"{have:,} units; no goal is declared, so nothing is decided"
