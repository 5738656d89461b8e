"""Where labels of dots go so that none covers another label or a dot. Pure."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

CHAR_WIDTH, LINE_HEIGHT, GAP = 6.4, 13.0, 6.0


class Box(NamedTuple):
    """A rectangle in the SVG's units, y downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Whether they share any room."""
        return self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom


def place_labels(spots: Sequence[tuple[float, float]], labels: Sequence[str], room: Box, obstacles: Sequence[Box] = ()) -> list[Box | None]:
    """A box for the label of each spot, inside `room`: below the spot, beside it or above it.

    None where there is no place, or no label.
    """
    taken = [Box(x - GAP, y - GAP, x + GAP, y + GAP) for x, y in spots] + list(obstacles)
    placed: list[Box | None] = []
    for (x, y), label in zip(spots, labels, strict=True):
        found = next((box for box in _places(x, y, len(label) * CHAR_WIDTH) if _fits(box, room, taken)), None) if label else None
        if found is not None:
            taken.append(found)
        placed.append(found)
    return placed


def _places(x: float, y: float, width: float) -> Iterator[Box]:
    half = LINE_HEIGHT / 2
    for distance in (GAP, 2.5 * GAP):
        yield Box(x - width / 2, y + distance, x + width / 2, y + distance + LINE_HEIGHT)
        yield Box(x - distance - width, y + distance, x - distance, y + distance + LINE_HEIGHT)
        yield Box(x + distance, y + distance, x + distance + width, y + distance + LINE_HEIGHT)
        yield Box(x - distance - width, y - half, x - distance, y + half)
        yield Box(x + distance, y - half, x + distance + width, y + half)
        yield Box(x - width / 2, y - distance - LINE_HEIGHT, x + width / 2, y - distance)
        yield Box(x + distance, y - distance - LINE_HEIGHT, x + distance + width, y - distance)


def _fits(box: Box, room: Box, taken: Sequence[Box]) -> bool:
    inside = box.left >= room.left and box.right <= room.right and box.top >= room.top and box.bottom <= room.bottom
    return inside and not any(box.meets(other) for other in taken)
