"""The record of a unit: its variant, when it was first exposed, and its values. Pure."""

from collections.abc import Sequence
from typing import NamedTuple, Self

from gateway.measurement.layout import Layout
from gateway.measurement.packing import pack, unpack


class UnitRecord(NamedTuple):
    """A unit of an epoch: the index of its variant, seconds since 1970, and the layout's values."""

    variant: int
    first: int
    values: Sequence[int]

    def cohort(self, layout: Layout) -> int:
        """The span of time that it was first exposed in."""
        return self.first // layout.cohort_s

    def packed(self) -> bytes:
        """As state keeps it."""
        return pack([self.variant, self.first, *self.values])

    @classmethod
    def unpacked(cls, raw: bytes, size: int) -> Self:
        """What `packed` made, of so many values."""
        variant, first, *values = unpack(raw, size + 2)
        return cls(variant, first, values)
