"""The charts of one load test, by name. Pure."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from loadtest.report.charts.axis import WIDE_RANGE, axis_from_zero, nines, nines_axis, share_axis, time_axis, value_axis
from loadtest.report.charts.frame import Hint
from loadtest.report.charts.line import Line, Mark, line_chart
from loadtest.results.figures import milliseconds
from loadtest.results.groups import Group
from loadtest.results.results import Results
from loadtest.results.series import Slice

STYLES = ("c1", "c2", "c3", "c4", "c5", "c6")
NINES_LABEL = "share of requests that were at least as fast"


def draw_charts(results: Results) -> dict[str, Markup]:
    """The charts by name.

    `throughput`, and where anything was answered `latency_over_time`, `latency`, `groups` (of
    several versions) and `hit_rate` (where the server tells it).
    """
    charts = {}
    if results.series:
        charts["throughput"] = _throughput(results)
    if results.latency.summary_ms is not None:
        charts["latency_over_time"] = _latency_over_time(results)
        charts["latency"] = _latency(results)
        if len(results.groups) > 1:
            charts["groups"] = _groups(results)
        if results.hits.rate is not None:
            charts["hit_rate"] = _hit_rate(results)
    return charts


def group_name(group: Group) -> str:
    """How a version, and its variant where there is one, is called in tables and legends."""
    version = f"version {group.version}" if group.version else "version not told"
    return f"{version} ({group.variant})" if group.variant else version


def _latency(results: Results) -> Markup:
    if results.loop == "open":
        curves = [
            Line("from intended start", in_nines(results.latency.curve), "c1"),
            Line("service time", in_nines(results.service.curve), "c2"),
        ]
    else:
        curves = [Line("latency", in_nines(results.latency.curve), "c1")]
    names = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999, "p99_99": 0.9999}
    hints = []
    if results.latency.summary_ms is not None and results.service.summary_ms is not None:
        edges = [nines(quantile) for quantile in names.values()]
        for index, (name, at) in enumerate(zip(names, edges, strict=True)):
            start, end = (edges[index - 1] + at) / 2 if index else 0.0, (at + edges[index + 1]) / 2 if index + 1 < len(edges) else at + 1
            service = f", service time {milliseconds(results.service.summary_ms[name])}" if results.loop == "open" else ""
            hints.append(Hint(start, end, f"{name.replace('_', '.')}: {milliseconds(results.latency.summary_ms[name])}{service}"))
    return by_percentile("Latency by percentile", curves, hints)


def _groups(results: Results) -> Markup:
    groups = sorted(results.groups, key=lambda group: -group.requests)[: len(STYLES) - 1]
    named = [Line(group_name(group), in_nines(group.latency_curve), style) for group, style in zip(groups, STYLES[1:], strict=False)]
    return by_percentile("Latency by percentile of each version", named)


def by_percentile(title: str, curves: Sequence[Line], hints: Sequence[Hint] = ()) -> Markup:
    """Latencies, ms, over `nines` of quantiles."""
    x = nines_axis(NINES_LABEL, max(x for curve in curves for x, _ in curve.points))
    inside = [hint for hint in hints if hint.start < x.high]
    # the slow half decides the scale: answers from a cache are far faster, and of little interest
    slow = [y for curve in curves for at, y in curve.points if y is not None and at >= nines(0.5)]
    wide = max(slow) > WIDE_RANGE * min(slow)
    return line_chart(title, curves, x, value_axis("ms", _values(curves) if wide else slow), inside)


def _throughput(results: Results) -> Markup:
    parts = results.series
    lines = [Line("answered", _over_time(parts, [part.throughput_rps for part in parts]), "c1", filled=True)]
    if results.loop == "open":
        lines.append(Line("started", _over_time(parts, [part.started / part.width_s for part in parts]), "c2"))
        lines.append(Line("offered", _over_time(parts, [part.offered / part.width_s for part in parts]), "aim"))
    if any(part.failed for part in parts):
        lines.append(Line("failed", _over_time(parts, [part.failures_per_s for part in parts]), "bad"))
    if results.requests.dropped:
        lines.append(Line("dropped", _over_time(parts, [part.dropped / part.width_s for part in parts]), "c3"))
    hints = [
        Hint(
            part.start_s,
            part.start_s + part.width_s,
            f"second {part.start_s:g}: {part.offered:,} offered, {part.started:,} started, "
            f"{part.answered:,} answered, {part.failed:,} failed, {part.late:,} late, {part.dropped:,} dropped",
        )
        for part in parts
    ]
    y = axis_from_zero("requests/s", max(_values(lines), default=0.0))
    return line_chart("Requests per second over time", lines, time_axis(results.elapsed_s), y, hints)


def _latency_over_time(results: Results) -> Markup:
    parts = results.series
    lines = [
        Line("p50", _over_time(parts, [part.p50_ms for part in parts]), "c1"),
        Line("p95", _over_time(parts, [part.p95_ms for part in parts]), "c2"),
        Line("p99", _over_time(parts, [part.p99_ms for part in parts]), "c3"),
    ]
    bound = _bound_of(results)
    values = [*_values(lines), *([] if bound is None else [bound.y])]
    hints = [
        Hint(
            part.start_s,
            part.start_s + part.width_s,
            f"second {part.start_s:g}: p50 {milliseconds(part.p50_ms)}, p95 {milliseconds(part.p95_ms)}, p99 {milliseconds(part.p99_ms)}",
        )
        for part in parts
        if part.p50_ms is not None and part.p95_ms is not None and part.p99_ms is not None
    ]
    return line_chart("Latency over time", lines, time_axis(results.elapsed_s), value_axis("ms", values), hints, bound)


def _bound_of(results: Results) -> Mark | None:
    """The SLO's highest percentile, to draw its bound beside the percentiles over time."""
    if results.slo_check is None:
        return None
    bounds = [objective for objective in results.slo_check.slo.objectives if objective.quantile is not None]
    highest = max(bounds, key=lambda objective: objective.quantile or 0.0, default=None)
    return None if highest is None else Mark(f"SLO {highest}", highest.bound)


def _hit_rate(results: Results) -> Markup:
    parts = results.series
    aim: list[tuple[float, float | None]] = [(0.0, results.hits.expected), (results.elapsed_s, results.hits.expected)]
    lines = [Line("expected", aim, "aim"), Line("hit rate", _over_time(parts, [part.cache_hit_rate for part in parts]), "c1")]
    hints = [
        Hint(part.start_s, part.start_s + part.width_s, f"second {part.start_s:g}: {part.cache_hit_rate:.1%} of the texts from the cache")
        for part in parts
        if part.cache_hit_rate is not None
    ]
    return line_chart("Cache hit rate over time", lines, time_axis(results.elapsed_s), share_axis("of the texts"), hints)


def in_nines(curve: Iterable[tuple[float, float]]) -> list[tuple[float, float | None]]:
    """A curve (quantile, ms) over nines."""
    return [(nines(quantile), value) for quantile, value in curve]


def _over_time(parts: Sequence[Slice], values: Sequence[float | None]) -> list[tuple[float, float | None]]:
    return [(part.start_s + part.width_s / 2, value) for part, value in zip(parts, values, strict=True)]


def _values(lines: Sequence[Line]) -> list[float]:
    return [y for line in lines for _, y in line.points if y is not None]
