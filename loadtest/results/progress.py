"""Where a running load test stands, and the listeners to it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Seconds since the load began, and the requests that have ended, `failures` of them badly."""

    elapsed_s: float
    requests: int
    failures: int


OnProgress = Callable[[Progress], None]
"""A listener, called a few times a second."""


def ignore(_progress: Progress) -> None:
    """Listens, and shows nothing."""
