"""The gate on simulated answers: what it measures, what it refuses, and what it says."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.data import dataset
from export.data.table import Table
from export.errors import ExportError
from export.evaluation.metrics.classification import one_hot
from export.evaluation.quality import describe, is_conclusive, measure_quality, require_quality
from export.recipe.sets import Evaluation
from export.tasks.classification_assessment import REGRESSION, SINGLE_LABEL, multi_label
from model_repository.measured import Comparison, Interval, Quality


@dataclass(frozen=True)
class Answers:
    """How many examples both models get right, only the reference, only the packaged, neither."""

    both: int
    only_reference: int = 0
    only_packaged: int = 0
    neither: int = 0

    def flags(self) -> tuple[list[bool], list[bool]]:
        pairs = [(True, True)] * self.both + [(True, False)] * self.only_reference + [(False, True)] * self.only_packaged
        pairs += [(False, False)] * self.neither
        return [a for a, _ in pairs], [b for _, b in pairs]


def measure(groups: dict[str, Answers], **bounds: object) -> Quality:
    """The quality of two models on a set with a slice for each group.

    All right labels are the first of three.
    """
    evaluation = Evaluation.model_validate({"data": "set.csv", "max_drop": 0.01, "slices": ["region"], **bounds})
    reference, packaged, region = [], [], []
    for name, answers in groups.items():
        first, second = answers.flags()
        reference += first
        packaged += second
        region += [name] * len(first)
    table = Table(Path("set.csv"), {"region": region}, "line", range(2, len(region) + 2), [])
    examples = dataset.Dataset("set.csv", table, {}, dict.fromkeys(evaluation.slices, region), "sha256:0")
    return measure_quality(SINGLE_LABEL, evaluation, examples, one_hot(np.zeros(len(region), int), 3), logits(reference), logits(packaged))


def logits(right: Sequence[bool]) -> np.ndarray:
    return np.where(np.array(right)[:, None], [2.0, 0.0, 0.0], [0.0, 2.0, 0.0]).astype(np.float32)


def refusal(quality: Quality) -> str:
    with pytest.raises(ExportError) as caught:
        require_quality(quality, "int8")
    return str(caught.value)


@given(examples=st.integers(1, 500), right=st.integers(0, 500), max_drop=st.sampled_from([0, 0.005]))
def test_the_same_answers_pass_any_bound_with_an_interval_without_width(examples: int, right: int, max_drop: float) -> None:
    answers = Answers(min(right, examples), neither=max(0, examples - right))
    quality = measure({"north": answers}, max_drop=max_drop, max_slice_drop=0, min_agreement=1)
    require_quality(quality, "int8")
    for found in (quality, *quality.slices):
        assert (found.drop, found.interval, found.agreement) == (0, Interval(low=0, high=0), 1)
        assert is_conclusive(found, max_drop) == (examples >= 100)


@given(answers=st.builds(Answers, *[st.integers(0, 400)] * 4).filter(lambda a: 0 < a.only_reference <= a.only_packaged))
def test_a_version_that_lost_nothing_passes_however_few_the_examples(answers: Answers) -> None:
    quality = measure({"north": answers}, max_drop=0.001, max_slice_drop=0.001)
    assert quality.drop <= 0
    require_quality(quality, "int8")


def test_with_enough_examples_the_upper_end_of_the_interval_is_held_to_the_bound() -> None:
    quality = measure({"north": Answers(1900, 18, 6, 76)}, max_drop=0.01)
    assert quality.drop == pytest.approx(0.006)
    assert quality.interval
    assert quality.interval.low < 0.006 < 0.01 < quality.interval.high
    assert refusal(quality) == (
        f"accuracy of int8 0.9530 is 0.0060 (95% interval {quality.interval.low:.4f} to {quality.interval.high:.4f}) below "
        "the fp32 reference 0.9590 on 2000 examples; at most 0.0100 is allowed at the interval's upper end (evaluation.max_drop)"
    )
    require_quality(measure({"north": Answers(1900, 18, 6, 76)}, max_drop=0.012), "int8")


def test_with_too_few_examples_to_tell_the_drop_itself_is_held_to_the_bound_and_the_note_says_so() -> None:
    quality = measure({"north": Answers(180, 4, 3, 13)}, max_drop=0.01)
    assert not is_conclusive(quality, 0.01)
    require_quality(quality, "int8")
    assert "too few examples to tell, so the drop itself was held to the bound" in describe(quality, "int8")
    assert "allowed for the drop itself, as there are too few examples to tell (evaluation.max_drop)" in refusal(
        measure({"north": Answers(180, 4, 1, 15)}, max_drop=0.01)
    )


def test_a_loss_that_is_clear_on_a_hundred_examples_needs_no_more_of_them() -> None:
    quality = measure({"north": Answers(60, 40)}, max_drop=0.005)
    assert is_conclusive(quality, 0.005)
    assert "allowed at the interval's upper end" in refusal(quality)


def test_a_slice_that_got_worse_is_refused_although_the_average_is_well() -> None:
    groups = {"north": Answers(1900, 2, 12, 86), "south": Answers(150, 12, 0, 38)}
    require_quality(measure(groups), "int8")
    quality = measure(groups, max_slice_drop=0.02)
    assert quality.drop < 0.001
    assert [(part.column, part.value, part.examples) for part in quality.slices] == [("region", "north", 2000), ("region", "south", 200)]
    message = refusal(quality)
    assert message.startswith("accuracy of int8 0.7500 is 0.0600 (95% interval ")
    assert message.endswith(
        "below the fp32 reference 0.8100 on 200 examples where region is south; "
        "at most 0.0200 is allowed at the interval's upper end (evaluation.max_slice_drop)"
    )
    assert "worst slice region = south: loses 0.0600" in describe(quality, "int8")


def test_slices_with_too_few_examples_are_named() -> None:
    quality = measure({"north": Answers(300), "south": Answers(20), "east": Answers(40, 1)}, max_drop=0.02, max_slice_drop=0.05)
    assert describe(quality, "int8").endswith(
        "too few examples to tell in region = south, region = east: there the drop itself was held to the bound"
    )


def test_answers_other_than_the_references_are_counted_even_where_they_are_as_often_right() -> None:
    groups = {"north": Answers(1960, 20, 20)}
    assert measure(groups).agreement == 0.98
    require_quality(measure(groups, min_agreement=0.98), "int8")
    assert refusal(measure(groups, min_agreement=0.99)) == (
        "0.9800 of the answers of int8 are the fp32 reference's on 2000 examples; at least 0.9900 is asked for (evaluation.min_agreement)"
    )


def test_every_bound_that_was_missed_is_named() -> None:
    message = refusal(measure({"north": Answers(150, 50)}, min_agreement=0.9, max_slice_drop=0.1))
    assert [message.count(f"(evaluation.{field})") for field in ("max_drop", "min_agreement", "max_slice_drop")] == [1, 1, 1]


def regression(reference: np.ndarray, packaged: np.ndarray, truth: np.ndarray, metric: str, region: list[str] | None = None) -> Quality:
    evaluation = Evaluation(data=Path("set.csv"), metric=metric, max_drop=0.05)
    table = Table(Path("set.csv"), {}, "line", range(2, len(truth) + 2), [])
    examples = dataset.Dataset("set.csv", table, {}, {"region": region} if region else {}, "sha256:0")
    return measure_quality(REGRESSION, evaluation, examples, truth, reference[:, None], packaged[:, None])


def test_an_error_that_grew_is_a_drop() -> None:
    rng = np.random.default_rng(11)
    truth = rng.normal(size=500)
    reference = truth + 0.1 * rng.normal(size=500)
    quality = regression(reference, truth + 0.3 * rng.normal(size=500), truth, "rmse")
    assert quality.drop == pytest.approx(quality.packaged - quality.reference)
    assert quality.drop == pytest.approx(0.2, abs=0.03)
    assert " above the fp32 reference 0.1" in refusal(quality)
    better = regression(reference, truth, truth, "rmse")
    assert better.drop < 0
    require_quality(better, "int8")


def test_a_metric_that_a_slice_does_not_define_is_named_with_the_slice() -> None:
    values = np.arange(4.0)
    with pytest.raises(ExportError, match=r"pearson is not defined on the 1 example where region is south .*; choose another"):
        regression(values, values, values, "pearson", ["north", "north", "north", "south"])


def test_label_sets_are_judged_by_the_probabilities_that_are_answered() -> None:
    evaluation = Evaluation(data=Path("set.csv"), metric="micro-f1", max_drop=0.05)
    examples = dataset.Dataset("set.csv", Table(Path("set.csv"), {}, "line", [2, 3], []), {}, {}, "sha256:0")
    truth = np.array([[True, False], [True, True]])
    reference, packaged = np.array([[0.7, 0.7], [0.7, 0.95]]), np.array([[0.7, 0.7], [0.7, 0.88]])
    quality = measure_quality(multi_label([0.5, 0.9]), evaluation, examples, truth, reference, packaged)
    assert (quality.reference, quality.packaged, quality.agreement) == (1, 0.8, 0.5)


@pytest.mark.parametrize(
    ("drop", "low", "high", "examples", "bound", "expected"),
    [
        (0.0, -0.004, 0.004, 2000, 0.005, True),
        (0.004, 0.0, 0.008, 2000, 0.005, True),  # astride, and narrow: the upper end counts
        (0.004, -0.003, 0.012, 300, 0.005, False),  # astride, and wide
        (0.1, 0.06, 0.15, 100, 0.005, True),  # all above
        (-0.1, -0.15, -0.06, 100, 0.005, True),  # all below
        (0.1, 0.06, 0.15, 99, 0.005, False),
    ],
)
def test_there_are_enough_examples_when_the_interval_decides(
    drop: float, low: float, high: float, examples: int, bound: float, *, expected: bool
) -> None:
    found = Comparison(reference=0.9, packaged=0.9 - drop, examples=examples, drop=drop, interval=Interval(low=low, high=high))
    assert is_conclusive(found, bound) is expected


def test_a_task_that_cannot_give_an_interval_is_judged_by_the_drop() -> None:
    assert not is_conclusive(Comparison(reference=0.9, packaged=0.8, examples=5000), 0.2)
