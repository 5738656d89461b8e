"""Whether the reference answers an evaluation set better than chance.

A gate that compares with a reference that is no better than chance lets anything pass. The measure
is a permutation test: the metric of the reference's answers, and of the same answers dealt to the
examples at random (Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses", 2005). A
model that always gives the most frequent answer is at chance by it, as it should be.

What is left between chance and the best value is the skill, as in Cohen's kappa, which it is for
accuracy (Cohen, "A Coefficient of Agreement for Nominal Scales", 1960).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from export.counts import counted
from export.evaluation.assessment import Assessment
from export.evaluation.metrics.metric import Metric

LEAST_SKILL = 0.1
"""A reference with less is near chance, however many examples show that it is above."""
CLEAR_SKILL = 0.5
"""A reference with this much is above chance even where too few examples can be dealt otherwise."""
MOST_P = 0.05
"""The share of deals that may be as good as the reference."""
DEALS, MANY_EXAMPLES, FEW_DEALS = 200, 300, 40
"""Of many examples few deals suffice to see chance, and each takes its time."""
SEED = 20


@dataclass(frozen=True)
class Chance:
    """A metric of the reference, and what chance makes of it.

    `expected` is the metric's mean over the deals, `p` the share of deals that are as good as the
    reference (itself among them), `skill` 0 at chance and 1 at the best value.
    """

    measured: float
    expected: float
    p: float
    skill: float

    @property
    def weak(self) -> bool:
        """At chance or near it, by the bounds above."""
        return self.skill < LEAST_SKILL or (self.p > MOST_P and self.skill < CLEAR_SKILL)


def compare_with_chance(assessment: Assessment, metric: Metric, outputs: Any, truth: Any, examples: int) -> Chance:
    """Deal the reference's answers to the examples at random, and compare; seeded."""
    rng = np.random.default_rng(SEED)
    measured = metric(outputs, truth)
    deal = metric.dealer(outputs, truth) if metric.dealer else lambda rng: metric(*assessment.deal(outputs, truth, rng))
    dealt = np.array([deal(rng) for _ in range(DEALS if examples <= MANY_EXAMPLES else FEW_DEALS)])
    # a deal in which the metric is not defined is no better than the reference
    dealt = dealt[np.isfinite(dealt)]
    if not len(dealt):
        return Chance(measured, float("nan"), 1.0, 0.0)
    expected = float(dealt.mean())
    as_good = dealt >= measured - 1e-12 if metric.higher_is_better else dealt <= measured + 1e-12
    return Chance(measured, expected, float(1 + as_good.sum()) / (1 + len(dealt)), _skill(metric, measured, expected))


def _skill(metric: Metric, measured: float, expected: float) -> float:
    """What is left between chance and the best value.

    An error (rmse) has no largest value, and shrinks slowly: answers that correlate with the truth
    by r, and spread no further than that allows, have the squared error 1 - r² of the truth's
    variance, and dealt at random 1 + r². So the error is brought to that r, to which the same
    bounds apply as to a correlation: by 1 - rmse / rmse at random itself, a reference would need
    r = 0.32 to have a skill of 0.1, where a metric of correlation asks for 0.1. Answers of another
    scale or with an offset have less, for their error is mostly that.
    """
    if metric.higher_is_better:
        return (measured - expected) / (1 - expected) if expected < 1 - 1e-9 else 0.0
    if expected <= 0:
        return 0.0
    share = 1 - (measured / expected) ** 2
    return math.copysign(math.sqrt(abs(share) / (2 - share)), share)


def weak_reference(found: Chance, metric: str, examples: int, data: str) -> str | None:
    """Why a reference is no measure for the packaged version, in words; None: it is one."""
    if not found.weak:
        return None
    if found.p >= 1 - MOST_P and found.skill < -LEAST_SKILL:
        what = "worse than chance"
    else:
        what = "no better than chance" if found.p > MOST_P else "near chance"
    return (
        f"the fp32 reference is {what} on the {counted(examples, 'example')} of {data}: its {metric} is {found.measured:.4f}, and "
        f"{found.expected:.4f} where its answers are dealt to the examples at random"
    )
