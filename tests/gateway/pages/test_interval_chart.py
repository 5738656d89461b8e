"""Intervals over time, drawn."""

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from gateway.pages.interval_chart import HEIGHT, LEFT, MOST_POINTS, WIDTH, Point, interval_chart

values = st.floats(-1e9, 1e9)
points = st.lists(st.tuples(st.none() | values, st.none() | values, st.none() | values), min_size=2, max_size=600)


def drawn(points, **kwargs):
    found = interval_chart([Point(100.0 + 10 * i, *ends) for i, ends in enumerate(points)], "a & b < c", **{"as_share": False, **kwargs})
    return None if found is None else ET.fromstring(found)  # noqa: S314 - our own drawing


def path(chart, name):
    [found] = chart.findall(f"path[@class='{name}']")
    return [tuple(map(float, pair.split(","))) for pair in found.get("d").strip("MZ").split("L")]


@given(points, st.booleans(), st.none() | values)
def test_whatever_is_known_the_drawing_stays_within_its_frame(points, as_share, margin):
    chart = drawn(points, as_share=as_share, margin=margin)
    known = [one for one in points if None not in one]
    if len(known) < 2:
        assert chart is None
        return
    assert chart.get("aria-label") == "a & b < c"
    for name in ("band", "estimate"):
        assert all(LEFT <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in path(chart, name))
    assert len(path(chart, "estimate")) <= MOST_POINTS + 2


def test_the_line_is_the_estimate_and_the_band_lies_around_it():
    chart = drawn([(-0.1, 0.0, 0.1), (0.0, 0.05, 0.1)], as_share=True)
    (_, first), (_, second) = path(chart, "estimate")
    upper, lower = path(chart, "band")[:2], path(chart, "band")[2:]
    assert second < first  # what is larger stands higher
    assert upper[0][1] < first < lower[1][1]
    assert "+5 %" in [text.text for text in chart.findall("text")]


def test_no_difference_and_the_margin_are_drawn():
    chart = drawn([(-0.001, 0.0, 0.001)] * 3, margin=0.01)
    assert len(chart.findall("line[@class='zero']")) == len(chart.findall("line[@class='margin']")) == 1
