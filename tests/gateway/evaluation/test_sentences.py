"""What a comparison says in one sentence."""

from math import inf

import pytest

from gateway.evaluation.sentences import of_comparison
from gateway.statistics.comparison import Comparison, Method
from gateway.statistics.decision import Decision
from gateway.statistics.interval import Interval


def found(interval, relative):
    return Comparison(next(iter(Method)), 0.1, 0.2, 438, 0.1, Interval(*interval), 1.0, Interval(*relative), 0.01)


@pytest.mark.parametrize(
    ("decision", "interval", "relative", "shown"),
    [
        (Decision.BETTER, (0.01, 0.19), (0.1, 1.9), "+10.0 % to +190.0 %"),
        (Decision.BETTER, (0.01, 0.19), (-0.289, 3.617), "+0.01 to +0.19"),  # the lift leaves open what is decided
        (Decision.WORSE, (-0.19, -0.01), (-1.0, inf), "-0.19 to -0.01"),
        (Decision.NOT_ENOUGH_KNOWN, (-0.01, 0.19), (-0.1, 1.9), "-10.0 % to +190.0 %"),
    ],
)
def test_the_range_that_is_shown_bears_out_the_decision(decision, interval, relative, shown):
    assert f": {shown}; 438 units" in of_comparison("treatment", decision, found(interval, relative), None)
