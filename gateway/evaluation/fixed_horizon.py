"""Fixed horizon results, by tea-tasting: one look, at the planned end, and none before.

They have more power than what may be looked at at any time, and false alarms as soon as anybody
looks sooner. tea-tasting comes with the extra `evaluation`.
"""

from dataclasses import dataclass

from tea_tasting.aggr import Aggregates
from tea_tasting.metrics import RatioOfMeans

from gateway.statistics.interval import Interval
from gateway.statistics.moments import Moments

NUMERATOR, DENOMINATOR, NUMERATOR_BEFORE, DENOMINATOR_BEFORE = "a_numerator", "b_denominator", "c_before", "d_before"


@dataclass(frozen=True, slots=True)
class FixedHorizon:
    """Welch's t-test; relative values are shares of the control's, with a logarithmic interval."""

    control: float
    treatment: float
    difference: float
    interval: Interval
    relative: float
    relative_interval: Interval
    p_value: float


def fixed_horizon(
    control: Moments, treatment: Moments, *, ratio: bool = False, covariate: bool = False, alpha: float = 0.05
) -> FixedHorizon:
    """Compare the sums of two arms once; `ratio` and `covariate` say what their values are."""
    names = [NUMERATOR, *[DENOMINATOR] * ratio]
    if covariate:
        names += [NUMERATOR_BEFORE, *[DENOMINATOR_BEFORE] * ratio]
    metric = RatioOfMeans(
        NUMERATOR,
        DENOMINATOR if ratio else None,
        NUMERATOR_BEFORE if covariate else None,
        DENOMINATOR_BEFORE if covariate and ratio else None,
        confidence_level=1 - alpha,
    )
    found = metric.analyze_aggregates(_aggregates(control, names), _aggregates(treatment, names))
    # its numbers are of a class of its own, which divides by zero
    return FixedHorizon(
        float(found.control),
        float(found.treatment),
        float(found.effect_size),
        Interval(float(found.effect_size_ci_lower), float(found.effect_size_ci_upper)),
        float(found.rel_effect_size),
        Interval(float(found.rel_effect_size_ci_lower), float(found.rel_effect_size_ci_upper)),
        float(found.pvalue),
    )


def _aggregates(arm: Moments, names: list[str]) -> Aggregates:
    """The means, variances and covariances under tea-tasting's names, in alphabetical pairs."""
    covariance = arm.covariance
    return Aggregates(
        count_=arm.units,
        mean_=dict(zip(names, arm.means, strict=True)),
        var_={name: covariance[i][i] for i, name in enumerate(names)},
        cov_={(a, b): covariance[i][j] for i, a in enumerate(names) for j, b in enumerate(names) if i < j},
    )
