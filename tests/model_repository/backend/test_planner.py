"""Laws of length-planned batching: they hold for any cost that never falls with batch or length."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from headrace_backend.cost import CostModel
from headrace_backend.planner import plan, predicted_s
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

MAX_LENGTH = 24


@st.composite
def cost_models(draw, max_batch=None):
    columns = max_batch or draw(st.integers(1, 12))
    steps = draw(arrays(np.float64, (MAX_LENGTH + 1, columns), elements=st.integers(0, 9), fill=st.integers(0, 9)))
    seconds = steps.cumsum(axis=0).cumsum(axis=1)
    return CostModel(np.hstack([np.zeros((MAX_LENGTH + 1, 1)), seconds]))


texts = st.lists(st.integers(1, MAX_LENGTH), max_size=40)
few_texts = st.lists(st.integers(1, MAX_LENGTH), min_size=1, max_size=9)


@given(texts, cost_models())
def test_every_text_is_in_exactly_one_sub_batch(lengths, cost):
    groups = plan(lengths, cost)
    assert sorted(i for group in groups for i in group) == list(range(len(lengths)))
    assert all(1 <= len(group) <= cost.max_batch for group in groups)


@given(texts, cost_models())
def test_sub_batches_go_from_short_texts_to_long_ones(lengths, cost):
    ordered = [lengths[i] for group in plan(lengths, cost) for i in group]
    assert ordered == sorted(lengths)


@given(texts, cost_models())
def test_a_plan_is_never_worse_than_texts_one_by_one(lengths, cost):
    singles = sum(cost.predict(1, length) for length in lengths)
    assert predicted_s(plan(lengths, cost), lengths, cost) <= singles + 1e-9


@given(st.lists(st.integers(1, MAX_LENGTH), min_size=1, max_size=12), cost_models(max_batch=12))
def test_a_plan_is_never_worse_than_the_padded_whole_batch(lengths, cost):
    assert predicted_s(plan(lengths, cost), lengths, cost) <= cost.predict(len(lengths), max(lengths)) + 1e-9


@given(few_texts, cost_models())
def test_no_cut_of_the_sorted_texts_is_better(lengths, cost):
    assert predicted_s(plan(lengths, cost), lengths, cost) == pytest.approx(_best_of_all_cuts(sorted(lengths), cost))


@given(st.lists(st.integers(1, MAX_LENGTH), min_size=1, max_size=6), cost_models())
def test_no_partition_at_all_is_better(lengths, cost):
    """Sorting first loses nothing: runs of sorted texts do as well as any other grouping."""
    assert predicted_s(plan(lengths, cost), lengths, cost) == pytest.approx(_best_of_all_partitions(lengths, cost))


def test_where_only_launches_cost_all_texts_go_together():
    launches = np.ones((MAX_LENGTH + 1, 65))
    assert [len(group) for group in plan([3, 24, 1, 7] * 16, CostModel(launches))] == [64]


def test_where_only_tokens_cost_equal_lengths_go_together():
    tokens = np.outer(np.arange(MAX_LENGTH + 1), np.arange(65)).astype(np.float64) + 0.01
    groups = plan([3, 24, 3, 7, 24, 3], CostModel(tokens))
    assert [sorted(group) for group in groups] == [[0, 2, 5], [3], [1, 4]]


def test_no_text_makes_no_sub_batch():
    assert plan([], CostModel(np.ones((MAX_LENGTH + 1, 9)))) == []


def _best_of_all_cuts(ordered, cost):
    inner = range(1, len(ordered))
    cuts = ((0, *chosen, len(ordered)) for n in range(len(ordered)) for chosen in combinations(inner, n))
    fitting = (cut for cut in cuts if all(end - start <= cost.max_batch for start, end in pairwise(cut)))
    return min(sum(cost.predict(end - start, ordered[end - 1]) for start, end in pairwise(cut)) for cut in fitting)


def _best_of_all_partitions(lengths, cost):
    if not lengths:
        return 0.0
    first, *others = lengths
    found = []
    for n in range(min(cost.max_batch, len(lengths))):
        for chosen in combinations(range(len(others)), n):
            rest = [length for i, length in enumerate(others) if i not in chosen]
            own = cost.predict(n + 1, max([first, *(others[i] for i in chosen)]))
            found.append(own + _best_of_all_partitions(rest, cost))
    return min(found)
