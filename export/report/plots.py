"""What is drawn of a report."""

from collections.abc import Sequence
from statistics import geometric_mean

from markupsafe import Markup

from export.graphs.latency_grid import GridPoint
from export.report.axis import counts_axis, linear_axis, log_axis, log_axis_of
from export.report.chart import Line, Point, Span, histogram, line_chart, scatter, span_chart
from export.report.differences import ScoreDifferences
from model_repository.measured import Comparison, Quality, Sensitivity, TriedCandidate

STYLES = ("c1", "c2", "c3", "c4")
MEGABYTE = 1e6


def losses(quality: Quality) -> Markup:
    """What was lost over all and in each slice, with its interval and its bound."""
    spans = [_span("all", quality, quality.max_drop)]
    spans += [_span(f"{part.column} = {part.value}", part, quality.max_slice_drop) for part in quality.slices]
    low = min(0.0, *(span.low for span in spans))
    high = max(*(span.high for span in spans), *(span.bound for span in spans if span.bound is not None))
    return span_chart(f"{quality.metric} lost", spans, linear_axis(f"{quality.metric} lost: to the right is worse", low, high))


def score_differences(scores: ScoreDifferences) -> Markup:
    """How often scores moved by how much."""
    x = linear_axis("difference", scores.edges[0], scores.edges[-1])
    return histogram(scores.measure, scores.edges, scores.counts, x, counts_axis("scores", max(scores.counts)))


def latencies(points: Sequence[GridPoint]) -> Markup:
    """Milliseconds against tokens, a line for each batch size, fp32 dashed."""
    lines, every = [], [point.packaged_ms for point in points] + [point.fp32_ms for point in points if point.fp32_ms is not None]
    for batch, style in zip(sorted({point.batch for point in points}), STYLES, strict=False):
        own = sorted((point for point in points if point.batch == batch), key=lambda point: point.tokens)
        lines.append(Line(f"batch {batch}", [(point.tokens, point.packaged_ms) for point in own], style))
        beside = [(float(point.tokens), point.fp32_ms) for point in own if point.fp32_ms is not None]
        if beside:
            lines.append(Line("", beside, f"{style} aim"))
    if any("aim" in line.style for line in lines):
        lines.append(Line("fp32", [], "soft aim"))
    x = log_axis_of("tokens in each text", [point.tokens for point in points])
    return line_chart("Latency against length and batch", lines, x, log_axis("ms", min(every), max(every)))


def candidates(tried: Sequence[TriedCandidate]) -> list[tuple[str, Markup]]:
    """Quality against size, and against latency where it was measured; numbers are the table's."""
    sized = [(number, row, row.size_bytes / MEGABYTE) for number, row in enumerate(tried, start=1) if row.size_bytes]
    timed = [(number, row, geometric_mean(one.ms for one in row.latencies)) for number, row in enumerate(tried, start=1) if row.latencies]
    drawn = []
    for title, label, rows in (
        ("Quality against size", "MB", sized),
        ("Quality against latency", "ms, geometric mean of the shapes", timed),
    ):
        points = [Point(str(number), x, row.quality, _style(row)) for number, row, x in rows if row.quality is not None]
        if len(points) > 1:
            drawn.append((title, _quality_scatter(title, points, label)))
    return drawn


def sensitivity(found: Sensitivity) -> list[tuple[str, Markup]]:
    """The curve: quality against size and latency, by the number of layers in fp32."""
    drawn = []
    sizes = [point.size_bytes / MEGABYTE for point in found.curve]
    timed = [geometric_mean(one.ms for one in point.latencies) for point in found.curve if point.latencies]
    for title, label, values in (
        ("Quality against size", "MB", sizes),
        ("Quality against latency", "ms, geometric mean of the shapes", timed),
    ):
        if len(values) == len(found.curve) > 1:
            points = [
                Point(
                    str(point.layers_kept),
                    x,
                    point.quality,
                    "c1" if point.layers_kept == found.layers_kept else "c2" if point.passes else "bad",
                )
                for point, x in zip(found.curve, values, strict=True)
            ]
            drawn.append((f"{title}, by layers in fp32", _quality_scatter(title, points, label, joined=True)))
    return drawn


def _quality_scatter(title: str, points: Sequence[Point], label: str, *, joined: bool = False) -> Markup:
    x = linear_axis(label, min(point.x for point in points), max(point.x for point in points))
    y = linear_axis("quality", min(point.y for point in points), max(point.y for point in points))
    return scatter(title, points, x, y, joined=joined)


def _style(row: TriedCandidate) -> str:
    return "c1" if row.chosen else "bad" if not row.passes else "plain"


def _span(name: str, found: Comparison, bound: float | None) -> Span:
    low, high = (found.interval.low, found.interval.high) if found.interval else (found.drop, found.drop)
    return Span(name, min(low, found.drop), found.drop, max(high, found.drop), bound)
