"""Line charts as SVG that stands alone inside a page: no scripts, no fonts, colours from the page's style sheet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from loadtest.report.axis import Axis

WIDTH, HEIGHT = 560, 250
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 30, 40
LEGEND_GAP = 38
CHAR_WIDTH = 6.6


@dataclass(frozen=True, slots=True)
class Line:
    """Points (x, y) joined by a line; a y of None breaks it. `style` is a class of the style sheet: c1 to c4, `bad` or `aim`."""

    name: str
    points: Sequence[tuple[float, float | None]]
    style: str
    filled: bool = False


def line_chart(title: str, lines: Sequence[Line], x: Axis, y: Axis) -> Markup:
    """Draw the lines over their axes, named above the plot."""
    parts = [*_grid(x, y), *_legend(lines)]
    for line in lines:
        for run in _unbroken(line.points):
            spots = [(_x(x.place(px)), _y(y.place(py))) for px, py in run]
            path = "M" + "L".join(f"{px:.1f},{py:.1f}" for px, py in spots)
            if line.filled:
                parts.append(f'<path class="area {line.style}" d="{path}L{spots[-1][0]:.1f},{_y(0):.1f}L{spots[0][0]:.1f},{_y(0):.1f}Z"/>')
            parts.append(f'<path class="line {line.style}" d="{path}"/>')
            if len(spots) == 1:
                parts.append(f'<circle class="dot {line.style}" cx="{spots[0][0]:.1f}" cy="{spots[0][1]:.1f}" r="3"/>')
    name = escape(title)
    return Markup(  # noqa: S704 - every text that comes from outside is escaped above
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}"><title>{name}</title>{"".join(parts)}</svg>'
    )


def _x(place: float) -> float:
    return LEFT + place * (WIDTH - LEFT - RIGHT)


def _y(place: float) -> float:
    return HEIGHT - BOTTOM - place * (HEIGHT - TOP - BOTTOM)


def _grid(x: Axis, y: Axis) -> Iterator[str]:
    for value, text in y.ticks:
        at = _y(y.place(value))
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        yield f'<text class="tick" x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{escape(text)}</text>'
    for value, text in x.ticks:
        at = _x(x.place(value))
        yield f'<text class="tick" x="{at:.1f}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">{escape(text)}</text>'
    yield f'<text class="axis" x="{_x(0.5):.1f}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x.label)}</text>'
    yield f'<text class="axis" x="{LEFT - 8}" y="14" text-anchor="end">{escape(y.label)}</text>'


def _legend(lines: Sequence[Line]) -> Iterator[str]:
    at = float(WIDTH - RIGHT)
    for line in reversed(lines):
        at -= len(line.name) * CHAR_WIDTH
        yield f'<text class="name" x="{at:.1f}" y="14">{escape(line.name)}</text>'
        yield f'<path class="line {line.style}" d="M{at - 20:.1f},10L{at - 5:.1f},10"/>'
        at -= LEGEND_GAP


def _unbroken(points: Sequence[tuple[float, float | None]]) -> Iterator[list[tuple[float, float]]]:
    run: list[tuple[float, float]] = []
    for px, py in points:
        if py is None:
            if run:
                yield run
            run = []
        else:
            run.append((px, py))
    if run:
        yield run
