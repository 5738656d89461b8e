"""Bisection: where a condition begins to hold. Pure."""

from collections.abc import Callable

_STEPS = 42


def boundary(inside: float, outside: float, holds: Callable[[float], bool]) -> float:
    """Where `holds` ends on the way from `inside` to `outside`, to 2⁻⁴² of the way.

    It returns the point on the outer side, so that the interval up to it is not too short.
    """
    for _ in range(_STEPS):
        middle = (inside + outside) / 2
        if holds(middle):
            inside = middle
        else:
            outside = middle
    return outside
