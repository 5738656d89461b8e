"""What charts have in common: their room, axes, legend, and the words under the pointer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from loadtest.report.charts.axis import Axis

CHAR_WIDTH = 6.6
LEGEND_GAP = 36
MOST_LEGEND_CHARS = 22
MOST_HINTS = 150
"""More hints than these cannot be told apart with a pointer, and make a page large."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The room of a chart, in the SVG's own units."""

    width: int = 560
    height: int = 250
    left: int = 58
    right: int = 22
    top: int = 34
    bottom: int = 40

    def x(self, place: float) -> float:
        """The pixel of a place on the horizontal axis."""
        return self.left + place * (self.width - self.left - self.right)

    def y(self, place: float) -> float:
        """The pixel of a place on the vertical axis."""
        return self.height - self.bottom - place * (self.height - self.top - self.bottom)

    def svg(self, title: str, parts: Sequence[str]) -> Markup:
        """The drawing, with a name for those who do not see it.

        Every text in `parts` must be escaped already.
        """
        name = escape(title)
        return Markup(  # noqa: S704 - see above
            f'<svg viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{name}">{"".join(parts)}</svg>'
        )


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a legend.

    `style` is that of the line; `dot`: points are drawn instead of a line.
    """

    name: str
    style: str
    dot: bool = False


@dataclass(frozen=True, slots=True)
class Hint:
    """Words that show while the pointer is between `start` and `end` of the horizontal axis."""

    start: float
    end: float
    words: str


def draw_axes(frame: Frame, x: Axis, y: Axis) -> Iterator[str]:
    """Grid lines and names of both axes."""
    for value, text in y.ticks:
        at = frame.y(y.place(value))
        yield f'<line class="grid" x1="{frame.left}" x2="{frame.width - frame.right}" y1="{at:.1f}" y2="{at:.1f}"/>'
        yield f'<text class="tick" x="{frame.left - 8}" y="{at + 4:.1f}" text-anchor="end">{escape(text)}</text>'
    for value, text in x.ticks:
        at = frame.x(x.place(value))
        yield f'<text class="tick" x="{at:.1f}" y="{frame.height - frame.bottom + 17}" text-anchor="middle">{escape(text)}</text>'
    yield f'<text class="axis" x="{frame.x(0.5):.1f}" y="{frame.height - 6}" text-anchor="middle">{escape(x.label)}</text>'
    yield f'<text class="axis" x="2" y="14">{escape(y.label)}</text>'


def draw_legend(frame: Frame, keys: Sequence[Key]) -> Iterator[str]:
    """The names of what is drawn, above the plot, to the right."""
    at = float(frame.width - frame.right)
    for key in reversed(keys):
        name = shorten(key.name, MOST_LEGEND_CHARS)
        at -= len(name) * CHAR_WIDTH
        yield f'<text class="name" x="{at:.1f}" y="14">{escape(name)}</text>'
        if key.dot:
            yield f'<circle class="dot {key.style}" cx="{at - 10:.1f}" cy="10" r="4"/>'
        else:
            yield f'<path class="line {key.style}" d="M{at - 20:.1f},10L{at - 5:.1f},10"/>'
        at -= LEGEND_GAP


def draw_hints(frame: Frame, x: Axis, hints: Sequence[Hint]) -> Iterator[str]:
    """Areas over the whole height whose words a browser shows where the pointer rests.

    There are none where they would be too many to tell apart.
    """
    if len(hints) > MOST_HINTS:
        return
    top, height = frame.y(1), frame.y(0) - frame.y(1)
    for hint in hints:
        left, right = frame.x(x.place(hint.start)), frame.x(x.place(hint.end))
        yield (
            f'<rect class="hint" x="{left:.1f}" y="{top:.1f}" width="{max(right - left, 1):.1f}" height="{height:.1f}">'
            f"<title>{escape(hint.words)}</title></rect>"
        )


def shorten(text: str, most: int) -> str:
    """At most `most` characters, with … for what was left out."""
    return text if len(text) <= most else text[: most - 1] + "…"
