"""Whether a reference is better than chance, and whether its labels are in order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import permutation_test
from sklearn.metrics import cohen_kappa_score, ndcg_score

from export.evaluation.chance import compare_with_chance, weak_reference
from export.evaluation.label_order import better_order
from export.evaluation.metrics.classification import one_hot
from export.tasks.classification_assessment import REGRESSION, SINGLE_LABEL
from export.tasks.feature_extraction import EMBEDDINGS
from export.tasks.text_ranking import NDCG, Relevance
from export.tasks.text_ranking import _assessment as ranking
from export.tasks.token_classification import ENTITIES, Right

NAMES = ("cold", "mild", "warm", "hot")


def classified(answered, right):
    """What chance makes of answers to labels, given as indices."""
    return compare_with_chance(
        SINGLE_LABEL, SINGLE_LABEL.metrics["accuracy"], np.eye(4)[answered].astype(np.float32), one_hot(right, 4), len(right)
    )


def order(answered, right):
    return better_order(SINGLE_LABEL.confusion(np.eye(4)[answered], one_hot(right, 4), NAMES))


def labels(seed, share_right, examples=200):
    rng = np.random.default_rng(seed)
    right = rng.integers(0, 4, examples)
    return np.where(rng.random(examples) < share_right, right, rng.integers(0, 4, examples)), right


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.95])
def test_the_skill_of_labels_is_cohens_kappa(share):
    answered, right = labels(1, share)
    assert classified(answered, right).skill == pytest.approx(cohen_kappa_score(answered, right), abs=0.03)


def test_the_p_value_is_scipys():
    answered, right = labels(2, 0.08, 60)
    oracle = permutation_test(
        (answered, right), lambda a, b: np.mean(a == b), permutation_type="pairings", alternative="greater", n_resamples=4000, rng=3
    )
    assert classified(answered, right).p == pytest.approx(oracle.pvalue, abs=0.07)


def test_answers_at_random_are_refused_about_always_and_good_ones_never():
    assert sum(classified(*labels(seed, 0.0)).weak for seed in range(40)) >= 38
    assert not any(classified(*labels(seed, 0.5)).weak for seed in range(40))


def test_a_model_that_always_gives_the_most_frequent_label_is_at_chance():
    right = np.array([0] * 180 + [1] * 20)
    found = classified(np.zeros(200, dtype=int), right)
    assert (found.measured, found.expected, found.weak) == (0.9, pytest.approx(0.9), True)


def test_a_rare_label_that_is_found_is_no_chance():
    right = np.array([0] * 190 + [1] * 10)
    answered = right.copy()
    answered[-3:] = 0
    assert not classified(answered, right).weak


def test_few_examples_that_are_all_right_pass_and_a_set_that_cannot_tell_does_not():
    assert not classified(np.array([0, 1, 2]), np.array([0, 1, 2])).weak
    assert classified(np.array([1, 1, 1]), np.array([1, 1, 1])).weak


def test_numbers_without_their_texts_are_at_chance():
    rng = np.random.default_rng(4)
    right = rng.normal(size=150)
    for metric in REGRESSION.metrics.values():
        assert compare_with_chance(REGRESSION, metric, rng.normal(size=(150, 1)), right, 150).weak
        assert not compare_with_chance(REGRESSION, metric, right[:, None] + 0.5 * rng.normal(size=(150, 1)), right, 150).weak


def test_embeddings_that_find_their_partners_are_better_than_chance():
    rng = np.random.default_rng(5)
    first = rng.normal(size=(60, 8))
    for noise, weak in ((0.3, False), (100.0, True)):
        outputs = np.stack([first, first + noise * rng.normal(size=first.shape)], axis=1).reshape(120, 8)
        assert compare_with_chance(EMBEDDINGS, EMBEDDINGS.metrics["mrr"], outputs, np.zeros(60), 60).weak is weak


def test_documents_in_any_order_are_at_chance_and_so_is_one_document_for_each_query():
    rng = np.random.default_rng(6)
    gains = [rng.permutation([1.0, 0.0, 0.0, 0.0]) for _ in range(80)]
    assessment = ranking_of(gains)
    scores = rng.random((320, 1))
    found = compare_with_chance(assessment, NDCG, scores, Relevance(gains), 80)
    assert found.weak
    oracle = np.mean([ndcg_score([own], [rng.random(4)]) for own in gains for _ in range(10)])
    assert found.expected == pytest.approx(oracle, abs=0.02)
    assert not compare_with_chance(assessment, NDCG, np.concatenate(gains)[:, None], Relevance(gains), 80).weak
    single = [np.array([1.0])] * 20
    assert compare_with_chance(ranking_of(single), NDCG, rng.random((20, 1)), Relevance(single), 20).weak


def ranking_of(gains):
    import json

    from export.data.dataset import Dataset
    from export.data.table import Table

    columns = {"query": ["q"] * len(gains), "documents": [["d"] * len(own) for own in gains], "relevance": [list(own) for own in gains]}
    table = Table(None, json.loads(json.dumps(columns)), "line", range(1, len(gains) + 1), [])
    return ranking(Dataset("set", table, {}, {}, ""), None)


def test_what_is_refused_is_said_with_both_numbers():
    answered, right = labels(7, 0.0)
    said = weak_reference(classified(answered, right), "accuracy", 200, "set.csv")
    assert said.startswith("the fp32 reference is no better than chance on the 200 examples of set.csv: its accuracy is 0.2")
    assert "worse than chance" in weak_reference(classified((right + 1) % 4, right), "accuracy", 200, "set.csv")


@given(seed=st.integers(0, 10_000), share=st.floats(0.7, 1.0), permutation=st.permutations(range(4)))
def test_labels_in_any_other_order_are_found(seed, share, permutation):
    answered, right = labels(seed, share)
    found = order(np.array(permutation)[answered], right)
    if list(permutation) == [0, 1, 2, 3]:
        assert found is None
    else:
        assert found
        assert set(found.renamed) == {(NAMES[new], NAMES[old]) for old, new in enumerate(permutation) if old != new}
        assert found.right_renamed == int((answered == right).sum())


@given(seed=st.integers(0, 10_000), share=st.floats(0.0, 0.3))
def test_labels_of_a_weak_model_are_not_called_misplaced(seed, share):
    assert order(*labels(seed, share)) is None


def test_a_label_that_hides_another_is_not_called_misplaced():
    right = np.array([0] * 60 + [1] * 40 + [2] * 100)
    answered = np.array([0] * 60 + [0] * 35 + [1] * 5 + [2] * 100)
    assert order(answered, right) is None


def test_kinds_of_entities_in_another_order_are_found():
    truth = [Right("Bari  tin", frozenset({("PORT", 0, 4), ("GOOD", 6, 9)}))] * 20
    outputs = [[{"label": "GOOD", "start": 0, "end": 4}, {"label": "PORT", "start": 6, "end": 9}]] * 20
    found = better_order(ENTITIES.confusion(outputs, truth, ("O", "B-PORT", "I-PORT", "B-GOOD")))
    assert str(found).endswith("where what the model calls GOOD is PORT and PORT is GOOD, 40 of 40 answers are right, and 0 as it is")


@pytest.mark.parametrize(("correlation", "weak"), [(0.0, True), (0.05, True), (0.2, False), (0.6, False)])
def test_an_error_is_held_to_the_skill_of_its_correlation(correlation, weak):
    rng = np.random.default_rng(3)
    truth, noise = rng.standard_normal((2, 4000, 1))
    # the best that answers which correlate so much can be
    answers = correlation * (correlation * truth + np.sqrt(1 - correlation**2) * noise)
    for metric in REGRESSION.metrics.values():
        found = compare_with_chance(REGRESSION, metric, answers, truth, 4000)
        assert found.skill == pytest.approx(correlation, abs=0.05)
        assert found.weak is weak


def test_a_deal_of_partners_is_what_dealing_the_embeddings_gives():
    rng = np.random.default_rng(4)
    outputs = rng.standard_normal((80, 6)).astype(np.float32)
    outputs[1::2] += outputs[::2]
    # equal texts share a place
    outputs[20:30] = outputs[20]
    mrr, truth = EMBEDDINGS.metrics["mrr"], np.zeros(40)
    quick = [mrr.dealer(outputs, truth)(rng) for _ in range(300)]
    whole = [mrr(*EMBEDDINGS.deal(outputs, truth, rng)) for _ in range(300)]
    assert np.mean(quick) == pytest.approx(np.mean(whole), abs=0.01)
    assert np.std(quick) == pytest.approx(np.std(whole), rel=0.2)
    collapsed = np.ones_like(outputs)
    assert compare_with_chance(EMBEDDINGS, mrr, collapsed, truth, 40).weak, "all are alike, so each is the most alike"


def test_a_deal_of_many_partners_takes_no_longer_than_of_few():
    rng, truth = np.random.default_rng(5), np.zeros(3000)
    outputs = rng.standard_normal((6000, 8)).astype(np.float32)
    deal = EMBEDDINGS.metrics["mrr"].dealer(outputs, truth)
    assert deal(rng) == pytest.approx(np.mean(1 / np.arange(1, 3001)), abs=0.01)
