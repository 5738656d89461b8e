"""What a unit adds to the sums of its arm. Pure, in whole numbers, so that no sum ever rounds."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Self

from gateway.measurement.exact import LIMIT, parts, whole
from gateway.measurement.layout import Sum
from gateway.measurement.packing import pack, unpack

MOMENTS: Final = 10
_PACKED: Final = 2 * MOMENTS - 1


class Moments(NamedTuple):
    """Sums over units; `events` is the number of those whose x is not 0."""

    events: int = 0
    x: int = 0
    xx: int = 0
    y: int = 0
    yy: int = 0
    xy: int = 0
    z: int = 0
    zz: int = 0
    xz: int = 0
    yz: int = 0

    def plus(self, other: Self, sign: int = 1) -> "Moments":
        """The sums over the units of both or, with -1, without those of the other."""
        return Moments(*[mine + sign * theirs for mine, theirs in zip(self, other, strict=True)])

    def packed(self) -> bytes:
        """As state keeps them."""
        return pack([self.events, *parts(self[1:])])

    @classmethod
    def unpacked(cls, raw: bytes) -> Self:
        """What `packed` made."""
        events, *split = unpack(raw, _PACKED)
        return cls(events, *whole(split))


def moments_of(one: Sum, values: Sequence[int]) -> Moments:
    """The moments of a single unit."""
    x = values[one.x]
    if one.indicator:
        x = int(x != 0)
    elif one.cap is not None:
        x = min(x, one.cap)
    x = _limited(x)
    y = 0 if one.y is None else _limited(values[one.y])
    z = 0 if one.z is None else _limited(values[one.z])
    return Moments(int(x != 0), x, x * x, y, y * y, x * y, z, z * z, x * z, y * z)


def _limited(value: int) -> int:
    return max(-LIMIT, min(LIMIT, value))
