"""How long calls take by size, to know when a second call is worth sending. Pure."""

from collections import defaultdict, deque

WINDOW = 200
LEAST = 20
"""Fewer calls give no percentile."""


class Latencies:
    """The times of the last `WINDOW` calls of each size, in powers of two."""

    def __init__(self) -> None:
        self._seen: dict[int, deque[float]] = defaultdict(lambda: deque(maxlen=WINDOW))

    def add(self, items: int, took_s: float) -> None:
        """A call of so many items was answered after so many seconds."""
        self._seen[items.bit_length()].append(took_s)

    def percentile_s(self, items: int, percentile: float) -> float | None:
        """The time within which that percentage (0 to 100) of the calls of this size were answered.

        None before `LEAST` of them were seen.
        """
        seen = sorted(self._seen[items.bit_length()])
        return seen[min(len(seen) - 1, int(percentile / 100 * len(seen)))] if len(seen) >= LEAST else None
