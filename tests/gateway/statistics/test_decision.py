import pytest

from gateway.statistics.decision import decide
from gateway.statistics.interval import Interval


@pytest.mark.parametrize(
    ("low", "high", "direction", "margin", "decision"),
    [
        (0.01, 0.05, "increase", None, "better"),
        (0.01, 0.05, "decrease", None, "worse"),
        (-0.05, -0.01, "increase", None, "worse"),
        (-0.05, -0.01, "decrease", None, "better"),
        (-0.01, 0.02, "increase", 0.03, "no difference"),
        (-0.01, 0.02, "decrease", 0.015, "not enough known"),
        (-0.01, 0.02, "increase", 0.015, "not enough known"),
        (-0.01, 0.02, "increase", None, "not enough known"),
        (0.0, 0.02, "increase", None, "not enough known"),
        (0.001, 0.002, "increase", 0.03, "better"),
    ],
)
def test_decisions(low, high, direction, margin, decision):
    assert decide(Interval(low, high), direction, margin) == decision


def test_a_mismatch_blocks_what_looks_better():
    assert decide(Interval(0.01, 0.05), "increase", blocked=True) == "blocked"


def test_without_an_interval_not_enough_is_known():
    assert decide(None, "increase", 0.1) == "not enough known"
