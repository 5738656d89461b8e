"""The gate: how much of the reference's quality a packaged version keeps.

It is measured on the evaluation set, over all of it and in each of its slices.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.counts import counted
from export.data.dataset import Dataset
from export.errors import ExportError
from export.evaluation.assessment import Assessment
from export.evaluation.bootstrap import bca_interval
from export.evaluation.metrics.metric import Metric, Sums
from export.recipe.sets import Evaluation
from model_repository.measured import Comparison, Interval, Quality, SliceQuality

ROUNDING = 1e-9
MIN_EXAMPLES = 100
"""With fewer examples the interval itself is not to be trusted.

What none of n examples shows may still happen to 3 of n (95 %, "rule of three").
"""


def measure_quality(
    assessment: Assessment,
    evaluation: Evaluation,
    dataset: Dataset,
    truth: Any,
    reference: Any,
    packaged: Any,
    *,
    rows: NDArray[np.bool_] | None = None,
) -> Quality:
    """Compare the outputs of both models on the same examples, all or those in `rows`.

    `truth` is what the task reads from the evaluation set.

    Raises:
        ExportError: the metric is not defined on all examples or on a slice.
    """
    name = evaluation.metric or next(iter(assessment.metrics))
    metric = assessment.metrics[name]
    same = assessment.same_answer(reference, packaged)
    paired = _Paired(metric, metric.statistics(reference, truth), metric.statistics(packaged, truth), same)
    slices = (
        SliceQuality(column=column, value=value, **paired.compare(own, f"where {column} is {value}").model_dump())
        for column, value, own in _groups(dataset, rows)
    )
    return Quality(
        metric=name,
        data=dataset.name,
        data_digest=dataset.digest,
        columns=dict(dataset.roles),
        max_drop=evaluation.max_drop,
        min_agreement=evaluation.min_agreement,
        max_slice_drop=evaluation.max_slice_drop,
        slices=tuple(slices),
        **paired.compare(slice(None) if rows is None else rows, f"of {dataset.name}").model_dump(),
    )


def require_quality(quality: Quality, precision: str) -> None:
    """Hold the packaged version to the recipe's bounds.

    Each slice is held to the slices' bound by itself, as none of them may lose more.

    Raises:
        ExportError: it missed some bounds; the message names each with its number.
    """
    if faults := list(_faults(quality, precision)):
        raise ExportError("; ".join(faults))


def is_conclusive(found: Comparison, bound: float) -> bool:
    """Whether the examples suffice to hold the interval's upper end to a bound.

    Where they do not, the measured drop itself is held to it. `MIN_EXAMPLES` are needed, and an
    interval that lies on one side of the bound, or whose upper end is no further above the drop
    than the bound is above 0: a version that lost nothing is never refused for having been measured
    on too few examples.
    """
    if found.interval is None or found.examples < MIN_EXAMPLES:
        return False
    astride = found.interval.low <= bound + ROUNDING < found.interval.high
    return not astride or found.interval.high - found.drop <= bound + ROUNDING


def held(found: Comparison, bound: float) -> float:
    """The number that is held to a bound.

    It is the interval's upper end, or the drop itself where there are too few examples to tell.
    """
    return found.interval.high if found.interval and is_conclusive(found, bound) else found.drop


def describe(quality: Quality, precision: str) -> str:
    """What was measured, in one line; it names where there were too few examples to tell."""
    parts = [
        f"{quality.metric} {quality.packaged:.4f}, fp32 reference {quality.reference:.4f} on {counted(quality.examples, 'example')}: "
        f"{precision} loses {_with_interval(quality)}, at most {quality.max_drop:.4f}"
    ]
    if not is_conclusive(quality, quality.max_drop):
        parts.append("too few examples to tell, so the drop itself was held to the bound")
    if quality.chosen_on:
        parts.append(f"{quality.chosen_on} other examples had chosen it")
    if quality.agreement is not None:
        # a count, for a share would be rounded up to all
        parts.append(f"{round(quality.agreement * quality.examples)} of {quality.examples} answers are the reference's")
    if quality.slices:
        worst = max(quality.slices, key=lambda part: part.drop)
        bound = f", at most {quality.max_slice_drop:.4f}" if quality.max_slice_drop is not None else ""
        parts.append(
            f"worst slice {worst.column} = {worst.value}: loses {_with_interval(worst)} on {counted(worst.examples, 'example')}{bound}"
        )
    if quality.max_slice_drop is not None:
        unclear = [f"{part.column} = {part.value}" for part in quality.slices if not is_conclusive(part, quality.max_slice_drop)]
        if unclear:
            parts.append(f"too few examples to tell in {', '.join(unclear)}: there the drop itself was held to the bound")
    return "; ".join(parts)


@dataclass(frozen=True)
class _Paired:
    """Statistics [examples, k] of the reference and of the packaged version.

    Both are of the same examples; `same` says where the two answer the same.
    """

    metric: Metric
    reference: Sums
    packaged: Sums
    same: NDArray[np.bool_]

    def compare(self, rows: NDArray[np.bool_] | slice, where: str) -> Comparison:
        """The comparison on some of the examples."""
        reference, packaged = self.reference[rows], self.packaged[rows]
        before, after = (float(self.metric.reduce(part.sum(axis=0))) for part in (reference, packaged))
        if not np.isfinite([before, after]).all():
            raise ExportError(
                f"{self.metric.name} is not defined on the {counted(len(reference), 'example')} {where} "
                f"(fp32 reference {before:.4f}, packaged {after:.4f}); "
                "choose another evaluation.metric, or slices with more different examples"
            )
        return Comparison(
            reference=before,
            packaged=after,
            examples=len(reference),
            drop=self.metric.drop(before, after),
            interval=self._interval(reference, packaged),
            agreement=float(self.same[rows].mean()),
        )

    def _interval(self, reference: Sums, packaged: Sums) -> Interval | None:
        """The interval of the drop, by resampling examples with the statistics of both models.

        None where too few resamples are defined.
        """
        if np.array_equal(reference, packaged):
            return Interval(low=0, high=0)
        width = reference.shape[1]

        def drop(sums: Sums) -> Sums:
            return self.metric.drop(self.metric.reduce(sums[..., :width]), self.metric.reduce(sums[..., width:]))

        low, high = bca_interval(np.hstack([reference, packaged]), drop)
        return Interval(low=low, high=high) if np.isfinite([low, high]).all() else None


def _groups(dataset: Dataset, rows: NDArray[np.bool_] | None) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Column, value and rows of each slice, values in order of first appearance."""
    for column, values in dataset.slices.items():
        for value in dict.fromkeys(values):
            own = np.array([other == value for other in values])
            if rows is not None:
                own &= rows
            if own.any():
                yield column, value, own


def _faults(quality: Quality, precision: str) -> Iterator[str]:
    if not _passes(quality, quality.max_drop):
        yield _too_much(quality, quality, precision, "", quality.max_drop, "evaluation.max_drop")
    if quality.min_agreement is not None and quality.agreement is not None and not quality.agreement >= quality.min_agreement - ROUNDING:
        yield (
            f"{quality.agreement:.4f} of the answers of {precision} are the fp32 reference's on {counted(quality.examples, 'example')}; "
            f"at least {quality.min_agreement:.4f} is asked for (evaluation.min_agreement)"
        )
    if quality.max_slice_drop is not None:
        for part in quality.slices:
            if not _passes(part, quality.max_slice_drop):
                where = f" where {part.column} is {part.value}"
                yield _too_much(quality, part, precision, where, quality.max_slice_drop, "evaluation.max_slice_drop")


def _passes(found: Comparison, bound: float) -> bool:
    return held(found, bound) <= bound + ROUNDING


def _too_much(quality: Quality, found: Comparison, precision: str, where: str, bound: float, field: str) -> str:
    side = "below" if found.packaged < found.reference else "above"
    basis = "at the interval's upper end" if is_conclusive(found, bound) else "for the drop itself, as there are too few examples to tell"
    return (
        f"{quality.metric} of {precision} {found.packaged:.4f} is {_with_interval(found)} {side} the fp32 reference {found.reference:.4f} "
        f"on {counted(found.examples, 'example')}{where}; at most {bound:.4f} is allowed {basis} ({field})"
    )


def _with_interval(found: Comparison) -> str:
    if found.interval is None:
        return f"{found.drop:.4f}"
    return f"{found.drop:.4f} ({found.interval.confidence:.0%} interval {found.interval.low:.4f} to {found.interval.high:.4f})"
