"""Which endpoint is asked: of two taken at random the one with less to do (Mitzenmacher, "The Power of Two Choices"). Pure."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar


class Loaded(Protocol):
    """Has something to do."""

    @property
    def load(self) -> float:
        """How much."""
        ...


T = TypeVar("T", bound=Loaded)


def less_loaded_of_two(candidates: Sequence[T], sample: Callable[[Sequence[T], int], list[T]]) -> T:
    """One of at least one candidates; `sample` draws without replacement, as `random.sample` does."""
    return candidates[0] if len(candidates) == 1 else min(sample(candidates, 2), key=lambda candidate: candidate.load)
