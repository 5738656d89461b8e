"""What the scripts of measurement do to records and sums, in Python (`gateway.measurement.lua`)."""

from collections import defaultdict
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.measurement.exact import whole
from gateway.measurement.layout import Sum
from gateway.measurement.moments import Moments, moments_of
from gateway.measurement.packing import pack, unpack


@dataclass(slots=True)
class Changing:
    """A unit's record while it changes; `first` is 0 of one that is not there yet."""

    variant: int
    first: int
    values: list[int]

    def packed(self) -> bytes:
        """As state keeps it."""
        return pack([self.variant, self.first, *self.values])


def changed_record(raw: bytes | None, size: int) -> tuple[Changing, Changing]:
    """A record of so many values twice: as it is, and to be changed."""
    variant, first, *values = [0] * (size + 2) if raw is None else unpack(raw, size + 2)
    return Changing(variant, first, values), Changing(variant, first, [*values])


class Sums:
    """The changes of sums, by field, for a layout as scripts are told of it."""

    def __init__(self, layout: Mapping[str, Any]) -> None:
        self._cohort_s = layout["cohort_s"]
        self._sums = [_sum(*given) for given in layout["sums"]]
        self._changed: defaultdict[str, Moments] = defaultdict(Moments)

    def move(self, before: Changing, after: Changing) -> None:
        """Add what a unit's moments change by."""
        cohort = f"{after.first // self._cohort_s}/"
        for i, one in enumerate(self._sums):
            if any(place is not None and before.values[place] != after.values[place] for place in (one.x, one.y, one.z)):
                change = moments_of(one, after.values).plus(moments_of(one, before.values), -1)
                self._add(f"{cohort if one.window else ''}{after.variant}:{i}", change)
        if not before.first:
            self._add(f"{after.variant}", Moments(1))
            self._add(f"{cohort}{after.variant}", Moments(1))

    def add_parts(self, field: str, split: Sequence[int]) -> None:
        """Add moments that came in parts."""
        self._add(field, Moments(split[0], *whole(split[1:])))

    def write(self, kept: MutableMapping[str, bytes]) -> None:
        """Add the changes to what is kept."""
        for field, change in self._changed.items():
            before = Moments.unpacked(kept[field]) if field in kept else Moments()
            kept[field] = before.plus(change).packed()

    def _add(self, field: str, change: Moments) -> None:
        self._changed[field] = self._changed[field].plus(change)


def _sum(x: int, y: int, z: int, indicator: int, cap: int, window: int) -> Sum:
    return Sum("", x - 1, y - 1 if y else None, z - 1 if z else None, bool(indicator), cap or None, window)
