"""Charts as SVG that stands alone inside a page.

They have no scripts and no fonts; colours are the page's style sheet's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup, escape

from export.report.axis import Axis

CHAR_WIDTH = 6.6
LEGEND_GAP = 48
MOST_CHARS = 40
ROW = 44
"""Height of a span with its name."""


@dataclass(frozen=True)
class Plot:
    """The room of a chart, in the SVG's own units."""

    width: int = 560
    height: int = 270
    left: int = 58
    right: int = 28
    top: int = 34
    bottom: int = 42

    def x(self, place: float) -> float:
        """The pixel of a place on the axis to the right."""
        return self.left + place * (self.width - self.left - self.right)

    def y(self, place: float) -> float:
        """The pixel of a place on the axis upwards."""
        return self.height - self.bottom - place * (self.height - self.top - self.bottom)

    def svg(self, title: str, parts: Sequence[str]) -> Markup:
        """The drawing, named for screen readers; every text in `parts` must be escaped."""
        name = escape(title)
        return Markup(  # noqa: S704 - see above
            f'<svg viewBox="0 0 {self.width} {self.height}" style="max-width:{self.width}px" role="img" aria-label="{name}">'
            f"<title>{name}</title>{''.join(parts)}</svg>"
        )


@dataclass(frozen=True)
class Line:
    """Points (x, y) joined by a line.

    `style` is classes of the style sheet, c1 to c4, with `aim` dashed.
    """

    name: str
    points: Sequence[tuple[float, float]]
    style: str


@dataclass(frozen=True)
class Point:
    """A dot with a name beside it."""

    name: str
    x: float
    y: float
    style: str


@dataclass(frozen=True)
class Span:
    """A value between `low` and `high`, and the `bound` that it was held to, if any."""

    name: str
    low: float
    value: float
    high: float
    bound: float | None


def line_chart(title: str, lines: Sequence[Line], x: Axis, y: Axis) -> Markup:
    """Lines over two axes, named above."""
    plot = Plot()
    parts = [*_grid(plot, x, y), *_legend(plot, lines)]
    for line in lines:
        spots = [(plot.x(x.place(px)), plot.y(y.place(py))) for px, py in line.points]
        parts.append(f'<path class="line {line.style}" d="M{"L".join(f"{px:.1f},{py:.1f}" for px, py in spots)}"/>')
        parts += [f'<circle class="dot {line.style}" cx="{px:.1f}" cy="{py:.1f}" r="3"/>' for px, py in spots]
    return plot.svg(title, parts)


def scatter(title: str, points: Sequence[Point], x: Axis, y: Axis, *, joined: bool = False) -> Markup:
    """Points over two axes; points in the same place share a name."""
    plot = Plot()
    spots = [(plot.x(x.place(point.x)), plot.y(y.place(point.y))) for point in points]
    parts = list(_grid(plot, x, y))
    if joined:
        parts.append(f'<path class="line soft" d="M{"L".join(f"{px:.1f},{py:.1f}" for px, py in spots)}"/>')
    parts += [
        f'<circle class="dot {point.style}" cx="{px:.1f}" cy="{py:.1f}" r="5"/>' for (px, py), point in zip(spots, points, strict=True)
    ]
    for name, px, py in _labels(points, spots):
        end = px > plot.width / 2
        parts.append(
            f'<text class="name" x="{px + (-9 if end else 9):.1f}" y="{py - 7:.1f}"{_ANCHOR_END if end else ""}>{escape(name)}</text>'
        )
    return plot.svg(title, parts)


def histogram(title: str, edges: Sequence[float], counts: Sequence[int], x: Axis, y: Axis) -> Markup:
    """Bars between `edges`, as high as `counts`."""
    plot = Plot()
    parts = list(_grid(plot, x, y))
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        if count:
            left, right, top = plot.x(x.place(low)), plot.x(x.place(high)), plot.y(y.place(count))
            width, height = max(right - left - 1, 1), plot.y(0) - top
            parts.append(f'<rect class="dot c1" x="{left + 0.5:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"/>')
    return plot.svg(title, parts)


def span_chart(title: str, spans: Sequence[Span], x: Axis) -> Markup:
    """A row for each span: its name, below it a dot on its interval and a stroke at its bound."""
    plot = replace(Plot(), width=640, left=20, right=36, height=88 + ROW * len(spans), top=30)
    parts = list(_grid(plot, x, None))
    if any(span.bound is not None for span in spans):
        at = plot.width - plot.right - 8 * CHAR_WIDTH
        parts.append(f'<path class="bound" d="M{at - 8:.1f},4v14"/><text class="name" x="{at:.1f}" y="15">allowed</text>')
    for row, span in enumerate(spans):
        at = plot.top + ROW * row + 32
        low, value, high = (plot.x(x.place(number)) for number in (span.low, span.value, span.high))
        name = span.name if len(span.name) <= MOST_CHARS else f"{span.name[: MOST_CHARS - 1]}…"
        parts.append(f'<text class="name" x="{plot.left + 4}" y="{at - 12}">{escape(name)}</text>')
        parts.append(f'<path class="line c1" d="M{low:.1f},{at}H{high:.1f}"/><circle class="dot c1" cx="{value:.1f}" cy="{at}" r="5"/>')
        if span.bound is not None:
            parts.append(f'<path class="bound" d="M{plot.x(x.place(span.bound)):.1f},{at - 9}v18"/>')
    return plot.svg(title, parts)


_ANCHOR_END = ' text-anchor="end"'


def _grid(plot: Plot, x: Axis, y: Axis | None) -> Iterator[str]:
    for value, text in y.ticks if y else ():
        at = plot.y(y.place(value)) if y else 0.0
        yield f'<line class="grid" x1="{plot.left}" x2="{plot.width - plot.right}" y1="{at:.1f}" y2="{at:.1f}"/>'
        yield f'<text class="tick" x="{plot.left - 8}" y="{at + 4:.1f}"{_ANCHOR_END}>{escape(text)}</text>'
    for value, text in x.ticks:
        at = plot.x(x.place(value))
        if y is None:
            yield f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{plot.top}" y2="{plot.height - plot.bottom}"/>'
        yield f'<text class="tick" x="{at:.1f}" y="{plot.height - plot.bottom + 18}" text-anchor="middle">{escape(text)}</text>'
    yield f'<text class="axis" x="{plot.x(0.5):.1f}" y="{plot.height - 6}" text-anchor="middle">{escape(x.label)}</text>'
    if y:
        yield f'<text class="axis" x="8" y="15">{escape(y.label)}</text>'


def _legend(plot: Plot, lines: Sequence[Line]) -> Iterator[str]:
    at = float(plot.width - plot.right)
    for line in reversed([line for line in lines if line.name]):
        at -= len(line.name) * CHAR_WIDTH
        yield f'<text class="name" x="{at:.1f}" y="15">{escape(line.name)}</text>'
        yield f'<path class="line {line.style}" d="M{at - 22:.1f},11H{at - 5:.1f}"/>'
        at -= LEGEND_GAP


def _labels(points: Sequence[Point], spots: Sequence[tuple[float, float]]) -> Iterator[tuple[str, float, float]]:
    """Names with their places; a point close to an earlier one joins that one's name."""
    groups: list[tuple[float, float, list[str]]] = []
    for point, (px, py) in zip(points, spots, strict=True):
        near = next((names for gx, gy, names in groups if abs(gx - px) < 16 and abs(gy - py) < 13), None)
        if near is None:
            groups.append((px, py, [point.name]))
        else:
            near.append(point.name)
    return ((", ".join(names), px, py) for px, py, names in groups)
