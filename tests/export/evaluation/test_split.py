"""Which examples judge what others chose."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.errors import RecipeError
from export.evaluation.split import judging_rows


@given(st.integers(4, 500))
def test_one_half_judges_and_it_is_always_the_same(examples):
    rows = judging_rows(examples, {})
    assert rows.sum() == (examples + 1) // 2
    np.testing.assert_array_equal(rows, judging_rows(examples, {}))


@given(st.lists(st.sampled_from("abc"), min_size=4, max_size=100))
def test_of_each_slice_one_half_judges_and_of_a_single_example_that_one(values):
    rows = judging_rows(len(values), {"region": values})
    for value in set(values):
        own = np.array([other == value for other in values])
        assert (rows & own).sum() == (own.sum() + 1) // 2


def test_too_few_examples_are_refused():
    with pytest.raises(RecipeError, match="3 examples are too few for one half to choose a version"):
        judging_rows(3, {})


def test_where_each_combination_of_slices_has_one_example_half_of_all_choose():
    values = [str(row) for row in range(120)]
    assert judging_rows(120, {"place": values, "author": values[::-1]}).sum() == 60
