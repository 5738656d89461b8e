"""Exact sums in parts that a double holds, for scripts, whose only numbers are doubles. Pure.

A sum that rounded would depend on the order in which it was made, and could not be compared with
one made anew.
"""

from collections.abc import Iterable, Iterator

BASE = 1 << 50
"""A number is low + `BASE` * high, with low in [0, BASE). High may be up to 2**53."""
HALF = 1 << 25
LIMIT = BASE - 1
"""The greatest size of a factor whose products a script computes exactly."""


def parts(numbers: Iterable[int]) -> Iterator[int]:
    """The low and the high part of each number, in turn."""
    for number in numbers:
        high, low = divmod(number, BASE)
        yield low
        yield high


def whole(split: Iterable[int]) -> Iterator[int]:
    """The numbers of which `parts` made these."""
    rest = iter(split)
    for low in rest:
        yield low + BASE * next(rest)
