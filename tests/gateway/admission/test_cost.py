import json
import sys

import pytest

from gateway.admission.cost import cost_of, cost_with_labels, size_of
from gateway.request.prediction import Item

TEXT = b"alna bero " * 20


def item(parameters):
    return Item(TEXT, None, parameters if isinstance(parameters, bytes) else json.dumps(parameters).encode())


@pytest.mark.parametrize("labels", [1, 10, 1000])
def test_a_text_costs_as_often_as_it_has_labels(labels):
    asked = item({"candidate_labels": [f"label {number}" for number in range(labels)]})
    once = cost_of(asked, 128)
    assert labels * once <= cost_with_labels(asked, 128) <= labels * (once + 3)


@pytest.mark.parametrize(
    "parameters", [b"", b"{", b"[]", b"7", {}, {"candidate_labels": None}, {"candidate_labels": [1]}, {"candidate_labels": 3}]
)
def test_parameters_that_the_model_refuses_cost_a_text(parameters):
    assert cost_with_labels(item(parameters), 128) == cost_of(item(b""), 128)


def test_a_model_reads_only_the_beginning_of_a_text():
    assert cost_of(Item(b"a" * 4000), 16) < cost_of(Item(b"a" * 4000), None)


def test_of_large_parameters_only_the_last_are_kept():
    asked = [item({"candidate_labels": ["a"], "hypothesis_template": f"{number} " + "x" * 1_000_000}) for number in range(4)]
    held = [sys.getrefcount(one.parameters) for one in asked]
    for one in asked:
        assert cost_with_labels(one, 128) == cost_of(one, 128)
    assert sum(sys.getrefcount(one.parameters) > before for one, before in zip(asked, held, strict=True)) <= 1


def test_the_bytes_of_an_item_are_those_of_its_texts_and_of_its_parameters():
    assert size_of(Item(b"a" * 10)) == 10
    assert size_of(Item(b"a" * 10, b"b" * 5, b"{" * 1000)) == 1015
