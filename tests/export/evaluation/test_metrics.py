"""Metrics of sums equal those that scikit-learn and SciPy compute from the examples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr
from sklearn.metrics import accuracy_score, f1_score, root_mean_squared_error

from export.evaluation.metrics.classification import above, classification_metrics, highest, one_hot, same_labels
from export.evaluation.metrics.metric import Metric, f1_of, mean_of
from export.evaluation.metrics.regression import PEARSON, REGRESSION_METRICS, RMSE, same_number

SIZES = {"seed": st.integers(0, 2**32 - 1), "examples": st.integers(1, 60), "labels": st.integers(2, 6)}
SINGLE = classification_metrics(highest)


@given(**SIZES)
def test_metrics_of_one_label_are_scikit_learns(seed: int, examples: int, labels: int) -> None:
    rng = np.random.default_rng(seed)
    scores, right = rng.normal(size=(examples, labels)).astype(np.float32), rng.integers(0, labels, examples)
    truth, answered = one_hot(right, labels), scores.argmax(axis=1)
    assert SINGLE["accuracy"](scores, truth) == pytest.approx(accuracy_score(right, answered))
    assert SINGLE["macro-f1"](scores, truth) == pytest.approx(f1_score(right, answered, average="macro"))
    assert SINGLE["micro-f1"](scores, truth) == pytest.approx(f1_score(right, answered, average="micro"))


@given(**SIZES)
def test_metrics_of_label_sets_are_scikit_learns(seed: int, examples: int, labels: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities, thresholds = rng.random((examples, labels), dtype=np.float32), rng.uniform(0.2, 0.8, labels)
    truth = rng.random((examples, labels)) < 0.4
    truth[0] = True  # scikit-learn counts a label that is neither there nor answered as 0; it is not in question here
    answered = probabilities >= thresholds.astype(np.float32)
    metrics = classification_metrics(above(thresholds.tolist()))
    assert metrics["accuracy"](probabilities, truth) == pytest.approx(accuracy_score(truth, answered))
    assert metrics["macro-f1"](probabilities, truth) == pytest.approx(f1_score(truth, answered, average="macro", zero_division=0))
    assert metrics["micro-f1"](probabilities, truth) == pytest.approx(f1_score(truth, answered, average="micro", zero_division=0))


@given(seed=SIZES["seed"], examples=st.integers(3, 60), scale=st.sampled_from([1e-3, 1.0, 1e4]), offset=st.sampled_from([0.0, 1e3]))
def test_metrics_of_numbers_are_scikit_learns_and_scipys(seed: int, examples: int, scale: float, offset: float) -> None:
    rng = np.random.default_rng(seed)
    truth = offset + scale * rng.normal(size=examples)
    outputs = (truth + scale * rng.normal(size=examples))[:, None]
    assert RMSE(outputs, truth) == pytest.approx(root_mean_squared_error(truth, outputs[:, 0]))
    assert PEARSON(outputs, truth) == pytest.approx(pearsonr(truth, outputs[:, 0]).statistic, abs=1e-9)


@given(**SIZES)
@settings(max_examples=40)
def test_weighting_rows_is_repeating_examples(seed: int, examples: int, labels: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, examples, examples)
    weights = np.bincount(drawn, minlength=examples).astype(float)
    scores, truth = rng.normal(size=(examples, labels)), one_hot(rng.integers(0, labels, examples), labels)
    cases: list[tuple[Metric, np.ndarray, np.ndarray]] = [(metric, scores, truth) for metric in SINGLE.values()]
    cases += [(metric, scores[:, :1], scores[:, 1]) for metric in REGRESSION_METRICS.values()]
    for metric, outputs, right in cases:
        weighted = float(metric.reduce(weights @ metric.statistics(outputs, right)))
        assert weighted == pytest.approx(metric(outputs[drawn], right[drawn]), nan_ok=True, abs=1e-9)


def test_a_metric_that_is_not_defined_is_no_number() -> None:
    truth = np.zeros((2, 3), dtype=bool)
    metrics = classification_metrics(above([0.5] * 3))
    assert np.isnan([metrics["macro-f1"](np.zeros((2, 3)), truth), metrics["micro-f1"](np.zeros((2, 3)), truth)]).all()
    assert np.isnan([PEARSON(np.ones((3, 1)), np.arange(3)), PEARSON(np.arange(3), np.full(3, 0.1))]).all()
    assert np.isnan(SINGLE["accuracy"].reduce(np.zeros(2)))


def test_a_drop_is_what_was_lost_whichever_direction_is_better() -> None:
    assert SINGLE["accuracy"].drop(0.9, 0.8) == pytest.approx(0.1)
    assert RMSE.drop(0.9, 0.8) == pytest.approx(-0.1)


def test_a_metric_of_values_that_each_example_has() -> None:
    exact = mean_of("exact-match", lambda outputs, truth: [given == right for given, right in zip(outputs, truth, strict=True)])
    assert exact(["a", "b", "c", "d"], ["a", "x", "c", "d"]) == 0.75


def test_f1_of_spans_counts_them_over_all_examples() -> None:
    def counts(found: list[set[str]], there: list[set[str]]) -> list[tuple[int, int, int]]:
        return [(len(a & b), len(a), len(b)) for a, b in zip(found, there, strict=True)]

    assert f1_of("f1", counts)([{"a", "b"}, set()], [{"a"}, {"c"}]) == pytest.approx(0.5)


def test_answers_are_the_same_when_all_their_labels_are() -> None:
    first, second = np.array([[0.1, 0.9], [0.6, 0.4]]), np.array([[0.4, 0.6], [0.4, 0.6]])
    assert same_labels(highest)(first, second).tolist() == [True, False]
    assert same_labels(above([0.5, 0.95]))(first, second).tolist() == [True, False]


def test_numbers_are_the_same_within_a_share_of_the_references_spread() -> None:
    reference = np.array([[-1.0], [1.0], [-1.0], [1.0]])
    packaged = reference + np.array([[0.049], [-0.051], [0.0], [0.0]])
    assert same_number(reference, packaged).tolist() == [True, False, True, True]
    assert same_number(np.ones((2, 1)), np.array([[1.0], [1.001]])).tolist() == [True, False]
