"""The HTML report of a load test: one file that needs nothing else."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from loadtest.report.axis import Axis, axis_from_zero, nines, nines_axis, share_axis, time_axis
from loadtest.report.chart import Line, line_chart
from loadtest.report.verdict import cautions, milliseconds, verdict
from loadtest.results.results import Group, Results

STYLES = ("c1", "c2", "c3", "c4")


def render_html(results: Results) -> str:
    """The whole page."""
    page = templates().get_template("report/report.html.j2")
    return page.render(context(results))


def templates() -> Environment:
    """The report's templates, escaping, with the page's filters."""
    environment = Environment(
        loader=PackageLoader("loadtest", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["milliseconds"] = milliseconds
    return environment


def context(results: Results) -> dict[str, Any]:
    """What the template of the load test's sections (`load.html.j2`) shows."""
    return {
        "results": results,
        "model": ", ".join(dict.fromkeys(target["model"] for target in results.offered["workload"]["targets"])),
        "verdict": verdict(results),
        "cautions": cautions(results),
        "charts": draw_charts(results),
        "group_name": group_name,
        "requests_by_group": sum(group.requests for group in results.groups),
    }


def draw_charts(results: Results) -> dict[str, Markup]:
    """The plots, by name: `latency`, `throughput`, `latency_over_time`, `hit_rate`."""
    charts = {"throughput": _throughput(results)}
    if results.latency_ms is not None:
        charts["latency"] = _latency(results)
        charts["latency_over_time"] = _latency_over_time(results)
        charts["hit_rate"] = _hit_rate(results)
    return charts


def group_name(group: Group) -> str:
    """How a version, and its variant where there is one, is called in tables and legends."""
    version = f"version {group.version}" if group.version else "version not told"
    return f"{version} ({group.variant})" if group.variant else version


def _latency(results: Results) -> Markup:
    curves = [Line("all", _in_nines(results.latency_curve), STYLES[0])]
    if results.loop == "open":
        curves.append(Line("service time", _in_nines(results.service_curve), STYLES[1]))
    elif len(results.groups) > 1:
        named = zip(results.groups[:3], STYLES[1:], strict=False)
        curves = [Line(group_name(group), _in_nines(group.latency_curve), style) for group, style in named]
    most = max(x for curve in curves for x, _ in curve.points)
    greatest = max(y or 0.0 for curve in curves for _, y in curve.points)
    return line_chart("Latency by percentile", curves, nines_axis("share of requests that were at least as fast", most), _ms_axis(greatest))


def _in_nines(curve: list[tuple[float, float]]) -> list[tuple[float, float | None]]:
    return [(nines(quantile), value) for quantile, value in curve]


def _throughput(results: Results) -> Markup:
    lines = [Line("answered", _over_time(results, "throughput_rps"), STYLES[0], filled=True)]
    if results.loop == "open":
        lines.append(Line("offered", [(part.start_s + part.width_s / 2, part.offered / part.width_s) for part in results.series], "aim"))
    if results.failures:
        lines.append(Line("failed", _over_time(results, "failures_per_s"), "bad"))
    greatest = max(value or 0.0 for line in lines for _, value in line.points)
    return line_chart("Requests per second over time", lines, time_axis(results.elapsed_s), axis_from_zero("req/s", greatest))


def _latency_over_time(results: Results) -> Markup:
    names = {"p50": "p50_ms", "p95": "p95_ms", "p99": "p99_ms"}
    lines = [Line(name, _over_time(results, field), style) for (name, field), style in zip(names.items(), STYLES, strict=False)]
    greatest = max(value or 0.0 for line in lines for _, value in line.points)
    return line_chart("Latency over time", lines, time_axis(results.elapsed_s), _ms_axis(greatest))


def _hit_rate(results: Results) -> Markup:
    aim: list[tuple[float, float | None]] = [(0.0, results.expected_hit_rate), (results.elapsed_s, results.expected_hit_rate)]
    lines = [Line("expected", aim, "aim"), Line("hit rate", _over_time(results, "cache_hit_rate"), STYLES[0])]
    return line_chart("Cache hit rate over time", lines, time_axis(results.elapsed_s), share_axis("hits"))


def _over_time(results: Results, field: str) -> list[tuple[float, float | None]]:
    return [(part.start_s + part.width_s / 2, getattr(part, field)) for part in results.series]


def _ms_axis(greatest: float) -> Axis:
    return axis_from_zero("ms", greatest)
