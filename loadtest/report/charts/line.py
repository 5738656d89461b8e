"""Line charts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from loadtest.report.charts.axis import Axis
from loadtest.report.charts.frame import Frame, Hint, Key, draw_axes, draw_hints, draw_legend

FRAME = Frame()
SPARK = Frame(width=160, height=28, left=1, right=1, top=3, bottom=3)


@dataclass(frozen=True, slots=True)
class Line:
    """Points (x, y) joined by a line, which a y of None breaks.

    `style` is a class of the style sheet: c1 to c6, `good`, `bad` or `aim`.
    """

    name: str
    points: Sequence[tuple[float, float | None]]
    style: str
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A value of the y axis, shown by a dashed line over the whole width with its name on it."""

    name: str
    y: float


def line_chart(title: str, lines: Sequence[Line], x: Axis, y: Axis, hints: Sequence[Hint] = (), mark: Mark | None = None) -> Markup:
    """Draw the lines over their axes, named above the plot."""
    parts = [*draw_axes(FRAME, x, y), *draw_legend(FRAME, [Key(line.name, line.style) for line in lines])]
    for line in lines:
        parts += _draw(FRAME, line, x, y)
    if mark is not None and y.low <= mark.y <= y.high:
        at = FRAME.y(y.place(mark.y))
        parts.append(f'<path class="line aim" d="M{FRAME.left},{at:.1f}L{FRAME.width - FRAME.right},{at:.1f}"/>')
        parts.append(f'<text class="name" x="{FRAME.left + 6}" y="{at - 5:.1f}">{escape(mark.name)}</text>')
    return FRAME.svg(title, [*parts, *draw_hints(FRAME, x, hints)])


def sparkline(title: str, points: Sequence[tuple[float, float]], end: float, greatest: float, style: str) -> Markup:
    """A small chart without axes, for a table's cell: from 0 to `end` and from 0 to `greatest`."""
    x, y = Axis("", 0.0, max(end, 1e-9), []), Axis("", 0.0, max(greatest, 1e-9), [])
    base = f'<line class="grid" x1="0" x2="{SPARK.width}" y1="{SPARK.y(0):.1f}" y2="{SPARK.y(0):.1f}"/>'
    drawn = SPARK.svg(title, [base, *_draw(SPARK, Line(title, points, style, filled=True), x, y)])
    return Markup('<span class="spark">{}</span>').format(drawn)


def _draw(frame: Frame, line: Line, x: Axis, y: Axis) -> Iterator[str]:
    for run in _unbroken(line.points):
        spots = [(frame.x(x.place(px)), frame.y(y.place(py))) for px, py in run]
        path = "M" + "L".join(f"{px:.1f},{py:.1f}" for px, py in spots)
        if line.filled:
            bottom = f"{frame.y(0):.1f}"
            yield f'<path class="area {line.style}" d="{path}L{spots[-1][0]:.1f},{bottom}L{spots[0][0]:.1f},{bottom}Z"/>'
        yield f'<path class="line {line.style}" d="{path}"/>'
        if len(spots) == 1:
            yield f'<circle class="dot {line.style}" cx="{spots[0][0]:.1f}" cy="{spots[0][1]:.1f}" r="3"/>'


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
