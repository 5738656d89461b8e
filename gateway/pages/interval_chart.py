"""An interval over time as SVG: its band, the estimate, and the line of no difference. Pure."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

from markupsafe import Markup, escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 180, 64, 12, 12, 26
MOST_POINTS = 240
TICKS = 4
_STEPS = (1, 2, 2.5, 5, 10)
_DAY_S = 86_400


class Point(NamedTuple):
    """What was known at one time: an end that is not known is None."""

    at: float
    low: float | None
    middle: float | None
    high: float | None


class _Scale(NamedTuple):
    start: float
    end: float
    first: float
    last: float

    def place(self, value: float) -> float:
        within = min(max(value, self.start), self.end)
        return self.first + (within - self.start) / (self.end - self.start) * (self.last - self.first)


def interval_chart(points: Sequence[Point], title: str, *, as_share: bool, margin: float | None = None) -> Markup | None:
    """The drawing; None where fewer than two times are known.

    `as_share`: the values are shares, and written in percent. `margin` is a value that the interval
    is held against. The vertical range is that of the
    later half of the points: the first intervals are so wide that nothing else would be seen.
    """
    known = [point for point in points if None not in point]
    if len(known) < 2:
        return None
    every = -(-len(known) // MOST_POINTS)
    known = known[::-every][::-1]  # the last one is among them
    x = _Scale(known[0].at, max(known[-1].at, known[0].at + 1), LEFT, WIDTH - RIGHT)
    y = _vertical(known[len(known) // 2 :], margin)
    parts = [*_axes(x, y, as_share=as_share), *_band(known, x, y), *_margin(y, margin)]
    drawing = "".join(parts)
    return Markup(f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{drawing}</svg>')  # noqa: S704 - all texts are escaped


def _vertical(points: Sequence[Point], margin: float | None) -> _Scale:
    values = [0.0, margin or 0.0, *(value for point in points for value in point[1:] if value is not None)]
    low, high = min(values), max(values)
    room = 0.08 * (high - low) or 1.0
    return _Scale(low - room, high + room, HEIGHT - BOTTOM, TOP)


def _axes(x: _Scale, y: _Scale, *, as_share: bool) -> Iterator[str]:
    for value in _ticks(y.start, y.end):
        at = y.place(value)
        style = "zero" if value == 0 else "grid"
        text = f"{100 * value:+.3g} %" if as_share else f"{value:+.3g}"
        yield f'<line class="{style}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        yield f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{escape("0" if value == 0 else text)}</text>'
    shape = "%m-%d %H:%M" if x.end - x.start > _DAY_S else "%H:%M:%S"
    for at, anchor in ((x.start, "start"), (x.end, "end")):
        said = datetime.fromtimestamp(at, UTC).strftime(shape)
        yield f'<text x="{x.place(at):.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">{escape(said)}</text>'


def _band(points: Sequence[Point], x: _Scale, y: _Scale) -> Iterator[str]:
    def path(values: Sequence[tuple[float, float | None]]) -> str:
        return "L".join(f"{x.place(at):.1f},{y.place(value or 0.0):.1f}" for at, value in values)

    upper = [(point.at, point.high) for point in points]
    lower = [(point.at, point.low) for point in reversed(points)]
    yield f'<path class="band" d="M{path([*upper, *lower])}Z"/>'
    yield f'<path class="estimate" d="M{path([(point.at, point.middle) for point in points])}"/>'


def _margin(y: _Scale, margin: float | None) -> Iterator[str]:
    if margin is not None:
        at = y.place(margin)
        yield f'<line class="margin" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        yield f'<text x="{WIDTH - RIGHT}" y="{at - 4:.1f}" text-anchor="end">margin</text>'


def _ticks(start: float, end: float) -> list[float]:
    """Round values within a range, 0 among them if it is."""
    rough = (end - start) / TICKS
    magnitude = 10.0 ** _exponent(rough)
    step = next(step * magnitude for step in _STEPS if step * magnitude >= rough)
    first = -(-start // step)
    values = [(first + i) * step for i in range(2 * TICKS + 2) if (first + i) * step <= end]
    return [value for value, _ in groupby(0.0 if abs(value) < step / 1e6 else value for value in values)]


def _exponent(value: float) -> int:
    return int(f"{value:e}".partition("e")[2])
