"""How long calls take, by their size: after which time a second one is worth sending. Pure."""

from collections import defaultdict, deque

WINDOW = 200
LEAST = 20


class Latencies:
    """The last `WINDOW` times of calls of each size, in powers of two."""

    def __init__(self) -> None:
        self._seen: dict[int, deque[float]] = defaultdict(lambda: deque(maxlen=WINDOW))

    def add(self, items: int, took_s: float) -> None:
        """A call of so many items was answered after so many seconds."""
        self._seen[items.bit_length()].append(took_s)

    def percentile_s(self, items: int, percentile: float) -> float | None:
        """The time below which `percentile` (0 to 100) of the calls of this size were answered; None before `LEAST` were seen."""
        seen = sorted(self._seen[items.bit_length()])
        return seen[min(len(seen) - 1, int(percentile / 100 * len(seen)))] if len(seen) >= LEAST else None
