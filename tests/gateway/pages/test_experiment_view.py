"""What is drawn of a variant's looks."""

from gateway.evaluation.found import Compared, MetricResult
from gateway.evaluation.history import Look
from gateway.pages.experiment_view import chart

METRIC = MetricResult("click", "binary", "goal", "increase")
ONE = Compared("treatment", "better", "treatment is better", None)
KNOWN, OPEN = [-0.1, 0.1, 0.3], [-0.1, None, None]


def drawn(*looks):
    """What is drawn of looks, each with its (difference, relative lift)."""
    found = [Look(float(i), 10, {"click": {"treatment": a}}, {"click": {"treatment": b}}) for i, (a, b) in enumerate(looks)]
    return chart(METRIC, ONE, found)


def test_the_lift_is_drawn_where_it_is_known_of_the_later_looks():
    assert "relative lift over time: treatment is better" in drawn((KNOWN, OPEN), (KNOWN, OPEN), (KNOWN, KNOWN), (KNOWN, KNOWN))


def test_else_the_difference_is_drawn():
    assert "difference over time" in drawn((KNOWN, OPEN), (KNOWN, KNOWN))
    assert "difference over time" in drawn((KNOWN, KNOWN), (KNOWN, KNOWN), (KNOWN, KNOWN), (KNOWN, OPEN))


def test_of_one_look_nothing_is_drawn():
    assert drawn((KNOWN, KNOWN)) is None
    assert drawn() is None
