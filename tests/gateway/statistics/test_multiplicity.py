import pytest

from gateway.statistics.multiplicity import holm


def test_the_example_of_holms_step_down():
    """By hand: 4 · 0.005, 3 · 0.01, then 2 · 0.03; 0.04 is raised to what went before."""
    given = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}
    assert holm(given) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert list(holm(given)) == list(given)


def test_probabilities_stay_below_one():
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1, "b": 1}
    assert holm({}) == {}
