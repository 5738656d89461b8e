"""The Pareto front: what nothing else beats in one respect without being worse in another. Pure."""

from collections.abc import Sequence


def front(points: Sequence[tuple[float, ...]]) -> list[bool]:
    """Which points are on the front, where less is better in every coordinate.

    Equal points do not dominate each other.
    """
    return [not any(dominates(other, point) for other in points) for point in points]


def dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether `one` is nowhere worse than `other`, and somewhere better."""
    return all(mine <= theirs for mine, theirs in zip(one, other, strict=True)) and one != other
