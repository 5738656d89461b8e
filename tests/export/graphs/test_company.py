"""How far answers of one graph move in company, and what of that is allowed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from headrace_backend.items import Item

from export.errors import ExportError
from export.evaluation.assessment import Assessment
from export.evaluation.metrics.classification import highest
from export.graphs.company import Moved, compare, moved, require_same_in_company
from export.graphs.distance import ALONE, TOGETHER, Ruler
from export.tasks.classification_assessment import REGRESSION, SINGLE_LABEL, multi_label

ITEMS = [Item(b"a" * length) for length in range(1, 21)]


class Answers:
    """Stands in for serving: each text's answer, by the text and how many are asked with it."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def answer(self, runs: Any, items: Sequence[Item], *, together: bool) -> list[Any]:
        return [self._answer(len(item.text), len(items)) for item in items]


def number(value: float) -> Any:
    return np.array([value], dtype=np.float32)


def test_movement_is_reckoned_over_answers_in_company() -> None:
    found = moved(Answers(lambda text, company: np.array([0.5 + 0.01 * (company > 1), 0.4])), None, ITEMS, decide=highest)
    assert (found.mean, found.most) == pytest.approx((0.01, 0.01))
    assert (found.others, found.answers) == (0, 2 * len(ITEMS))
    found = moved(Answers(lambda text, company: np.array([0.5 - 0.2 * (company == 2), 0.4])), None, ITEMS, decide=highest)
    assert found.others == len(ITEMS) + 2, "all in pairs, and the last two of the odd batches"
    found = moved(Answers(lambda text, company: [{"label": "a" if company == 1 else "b", "score": 0.5}]), None, ITEMS)
    assert (found.mean, found.others) == (0.0, 2 * len(ITEMS))


@pytest.mark.parametrize(
    ("assessment", "other"),
    [
        # of several numbers none is the answer, and of many labels none may hold
        (REGRESSION, 0),
        (multi_label((0.5, 0.5)), 0),
        (multi_label((0.001, 0.001)), 2 * len(ITEMS)),
        (SINGLE_LABEL, 2 * len(ITEMS)),
    ],
)
def test_another_answer_is_one_of_other_labels(assessment: Assessment, other: int) -> None:
    near = Answers(lambda text, company: np.array([0.0012, 0.0008] if company == 1 else [0.0008, 0.0012]))
    found = moved(near, None, ITEMS, decide=assessment.decide)
    assert (found.others, found.answers) == (other, 2 * len(ITEMS))
    if not other:
        require_same_in_company(found, "int8-static")


def test_another_best_label_is_another_answer() -> None:
    def ranked(text: str, company: int) -> dict[str, Any]:
        return {"labels": ["a", "b"] if company == 1 else ["b", "a"], "scores": [0.51, 0.49]}

    found = moved(Answers(ranked), None, ITEMS)
    assert (found.most, found.others) == (pytest.approx(0.02), 2 * len(ITEMS))


def test_dynamic_int8_may_move_more_than_other_precisions_and_nan_never() -> None:
    little, much = Moved(0.05, 0.4, 10, 100, "a number"), Moved(0.2, 0.9, 10, 100, "a number")
    require_same_in_company(little, "int8-dynamic")
    for found, precision in ((little, "fp16"), (little, "int8-static"), (much, "int8-dynamic"), (Moved(0, 0, 30, 100, ""), "int8-dynamic")):
        with pytest.raises(ExportError, match=r"answers of the packaged graph move by .* when texts are sent with others; for"):
            require_same_in_company(found, precision)
    with pytest.raises(ExportError):
        require_same_in_company(moved(Answers(lambda text, company: number(np.nan)), None, ITEMS), "int8-dynamic")


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e5])
def test_numbers_are_held_to_the_scale_of_their_output(scale: float) -> None:
    right = [np.array([text * scale, text * 1e5]) for text in range(1, 21)]
    near, far = 1 + 1e-6, 1.1
    compare(Answers(lambda text, company: right[text - 1] * near), None, ITEMS, right)
    with pytest.raises(ExportError, match=r"alone differs from the reference's by up to"):
        compare(Answers(lambda text, company: right[text - 1] * np.array([far, 1])), None, ITEMS, right)


def test_embeddings_are_held_to_their_angle_and_their_length() -> None:
    rng = np.random.default_rng(1)
    right = rng.standard_normal((20, 384))
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    ruler = Ruler([*right], embeddings=True)
    # each number is within 0.001, which an absolute bound would let pass
    other = right + rng.choice([-9e-4, 9e-4], right.shape)
    assert all(ruler.share_of(ALONE, one, two) > 1 for one, two in zip(right, other, strict=True))
    assert ruler.share_of(ALONE, right[0], right[0] * 1.01) > 1
    assert ruler.share_of(TOGETHER, right[0], right[0] * 1.005) < 1
    assert ruler.difference(right[0], right[1]) == pytest.approx(1 - right[0] @ right[1])
