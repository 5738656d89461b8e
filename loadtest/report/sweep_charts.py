"""The charts of a sweep. Pure."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from loadtest.planning.sweep.findings.priced_points import PricedPoint
from loadtest.report.charts.axis import Axis, axis_from_zero, value_axis
from loadtest.report.charts.frame import Key
from loadtest.report.charts.line import Line, Mark, line_chart
from loadtest.report.charts.scatter import Dot, Overlay, scatter_chart
from loadtest.results.figures import milliseconds, plural
from loadtest.slo import Slo

STYLES = ("c1", "c2", "c3", "c4", "c5", "c6")
KEYS = (Key("on the front", "c1", dot=True), Key("dominated", "faint", dot=True))


def pareto_chart(points: Sequence[PricedPoint], letters: Mapping[str, str], metric: str, slo: Slo) -> Markup:
    """Cost of a million texts (without prices: the rate) against latency.

    Less cost and less latency are better, and a higher rate is. What is on the front has a label.
    """
    costs = [point.usd_per_million for point in points if point.usd_per_million is not None]
    priced = len(costs) == len(points)
    label, values = ("USD a million texts, on demand", costs) if priced else ("requests/s", [point.rate_rps for point in points])
    dots = [_dot(point, value, letters, metric) for point, value in zip(points, values, strict=True)]
    mark = bound_of(slo, metric)
    heights = [dot.y for dot in dots]
    reached = mark is not None and mark.y <= 3 * max(heights)
    y = value_axis(f"{metric}, ms", [*heights, *([mark.y] if mark is not None and reached else [])])
    front = sorted((dot.x, dot.y) for dot in dots if dot.style != "faint")
    x = _spread_axis(label, [dot.x for dot in dots])
    return scatter_chart(f"{metric} against cost", dots, x, y, Overlay(KEYS, _steps(front), mark))


def latency_chart(points: Sequence[PricedPoint], letters: Mapping[str, str], metric: str, slo: Slo) -> Markup:
    """Rate against latency, a line for each configuration that has a letter."""
    lines = []
    for (name, letter), style in zip(letters.items(), STYLES, strict=False):
        own = sorted((point.rate_rps, point.latency_ms) for point in points if point.configuration == name)
        if own:
            lines.append(Line(letter, own, style))
    values = [y for line in lines for _, y in line.points if y is not None]
    x = axis_from_zero("requests/s", max((x for line in lines for x, _ in line.points), default=1.0))
    return line_chart(f"{metric} by rate", lines, x, value_axis("ms", values), mark=bound_of(slo, metric))


def bound_of(slo: Slo, metric: str) -> Mark | None:
    """The SLO's bound of that percentile; None where it bounds another."""
    named = (objective for objective in slo.objectives if objective.metric == metric.replace("_", "."))
    objective = next(named, None)
    return None if objective is None else Mark(f"SLO {objective}", objective.bound)


def _spread_axis(label: str, values: Sequence[float]) -> Axis:
    axis = value_axis(label, values)
    return axis if axis.low else axis_from_zero(label, max(values), intervals=8)


def _steps(front: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The front as stairs: what lies beyond them is dominated."""
    stairs: list[tuple[float, float]] = []
    for x, y in front:
        if stairs:
            stairs.append((x, stairs[-1][1]))
        stairs.append((x, y))
    return stairs


def _dot(point: PricedPoint, value: float, letters: Mapping[str, str], metric: str) -> Dot:
    style, label = ("c1", _label(point, letters)) if point.front else ("faint", "")
    return Dot(value, point.latency_ms, style, _hint(point, metric), label)


def _label(point: PricedPoint, letters: Mapping[str, str]) -> str:
    return f"{letters[point.configuration]} at {point.rate_rps:,.3g}/s"


def _hint(point: PricedPoint, metric: str) -> str:
    usd = "" if point.usd_per_million is None else f", {point.usd_per_million:.3g} USD a million texts"
    front = "on the front" if point.front else "dominated"
    seen = f"{point.configuration} at {point.rate_rps:,.4g} requests/s: {metric} {milliseconds(point.latency_ms)}"
    return f"{seen}{usd}; {plural(point.requests, 'request')}; {front}"
