"""Which endpoint gets a call: of two drawn at random, the one with less load. Pure.

Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing".
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar


class Loaded(Protocol):
    """Has a load."""

    @property
    def load(self) -> float:
        """How much work is in flight."""
        ...


T = TypeVar("T", bound=Loaded)


def less_loaded_of_two(candidates: Sequence[T], sample: Callable[[Sequence[T], int], list[T]]) -> T:
    """One of the candidates, of which there must be one.

    `sample` draws without replacement, as `random.sample` does.
    """
    return candidates[0] if len(candidates) == 1 else min(sample(candidates, 2), key=lambda candidate: candidate.load)
