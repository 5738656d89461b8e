"""Dots over two axes, with labels, a path through some of them, and bounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

from loadtest.report.charts.axis import Axis
from loadtest.report.charts.frame import Frame, Key, draw_axes, draw_legend
from loadtest.report.charts.labels import Box, place_labels
from loadtest.report.charts.line import Mark

WIDE = Frame(width=960, height=410, left=58, right=24, top=34, bottom=42)
RADIUS = 5.0


@dataclass(frozen=True, slots=True)
class Dot:
    """A dot, with the label written beside it and the hint that shows under the pointer.

    `style` is a class of the style sheet; `faint` greys the dot.
    """

    x: float
    y: float
    style: str
    hint: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Band:
    """A range of the horizontal axis, shaded over the whole height, with a line at `value`."""

    low: float
    value: float
    high: float
    name: str


@dataclass(frozen=True, slots=True)
class Overlay:
    """What is drawn beside the dots; `keys` are the legend, `path` joins values of both axes."""

    keys: Sequence[Key] = ()
    path: Sequence[tuple[float, float]] = ()
    mark: Mark | None = None
    band: Band | None = None


def scatter_chart(title: str, dots: Sequence[Dot], x: Axis, y: Axis, overlay: Overlay, frame: Frame = WIDE) -> Markup:
    """Draw the dots, the faint ones first, and over them the labels that find a place."""
    mark = overlay.mark
    parts = [*_draw_band(frame, x, overlay.band), *draw_axes(frame, x, y), *draw_legend(frame, overlay.keys)]
    obstacles: list[Box] = []
    if overlay.path:
        spots = [(frame.x(x.place(px)), frame.y(y.place(py))) for px, py in overlay.path]
        parts.append(f'<path class="line aim" d="M{"L".join(f"{px:.1f},{py:.1f}" for px, py in spots)}"/>')
        obstacles = _along(spots)
    if mark is not None and y.low <= mark.y <= y.high:
        at = frame.y(y.place(mark.y))
        parts.append(f'<path class="line bound" d="M{frame.left},{at:.1f}L{frame.width - frame.right},{at:.1f}"/>')
        parts.append(f'<text class="name" x="{frame.left + 6}" y="{at - 5:.1f}">{escape(mark.name)}</text>')
        obstacles += [Box(frame.left, at - 18, frame.left + 6 + 7.0 * len(mark.name), at), Box(frame.left, at - 1, frame.width, at + 1)]
    ordered = sorted(dots, key=lambda dot: dot.style != "faint")
    spots = [(frame.x(x.place(dot.x)), frame.y(y.place(dot.y))) for dot in ordered]
    room = Box(frame.left, frame.top - 8, frame.width - 2, frame.height - frame.bottom)
    boxes = place_labels(spots, [dot.label for dot in ordered], room, obstacles)
    for dot, (px, py) in zip(ordered, spots, strict=True):
        hint = f"<title>{escape(dot.hint)}</title>"
        parts.append(f'<circle class="dot {escape(dot.style)}" cx="{px:.1f}" cy="{py:.1f}" r="{RADIUS:g}">{hint}</circle>')
    for dot, box in zip(ordered, boxes, strict=True):
        if box is not None:
            parts.append(f'<text class="name" x="{box.left:.1f}" y="{box.bottom - 3:.1f}">{escape(dot.label)}</text>')
    return frame.svg(title, parts)


def _along(spots: Sequence[tuple[float, float]]) -> list[Box]:
    """The boxes that a path of level and upright lines covers."""
    return [
        Box(min(ax, bx) - 1, min(ay, by) - 1, max(ax, bx) + 1, max(ay, by) + 1)
        for (ax, ay), (bx, by) in pairwise(spots)
        if ax == bx or ay == by
    ]


def _draw_band(frame: Frame, x: Axis, band: Band | None) -> list[str]:
    if band is None:
        return []
    left, middle, right = (frame.x(x.place(value)) for value in (band.low, band.value, band.high))
    top, bottom = frame.y(1), frame.y(0)
    return [
        f'<rect class="band" x="{left:.1f}" y="{top:.1f}" width="{max(right - left, 1):.1f}" height="{bottom - top:.1f}">'
        f"<title>{escape(band.name)}</title></rect>",
        f'<path class="line band-line" d="M{middle:.1f},{top:.1f}L{middle:.1f},{bottom:.1f}"/>',
    ]
