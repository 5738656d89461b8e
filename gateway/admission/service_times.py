"""How fast a version answers, learned from the calls to it. Pure: the clock is passed in."""

from math import inf

WEIGHT = 0.2
"""The weight of the newest sample in the smoothed figures."""
DEVIATIONS = 2.0
"""So many mean deviations below the mean is the least that a call takes."""


class _Smoothed:
    """A mean and its mean deviation, exponentially weighted (Jacobson's estimator)."""

    def __init__(self, sample: float) -> None:
        self.mean, self.deviation = sample, sample / 2

    def add(self, sample: float) -> None:
        off = sample - self.mean
        self.mean += WEIGHT * off
        self.deviation += WEIGHT * (abs(off) - self.deviation)


class ServiceTimes:
    """How long calls take by size, in powers of two, and how fast a backlog is worked off."""

    def __init__(self) -> None:
        self._by_size: dict[int, _Smoothed] = {}
        self._rate: _Smoothed | None = None
        self._in_flight = 0
        self._last_s = -inf

    @property
    def items_per_s(self) -> float | None:
        """The rate while there was a backlog; None before there was one."""
        return 1 / self._rate.mean if self._rate else None

    def began(self, now_s: float) -> None:
        """A call begins."""
        if not self._in_flight:
            self._last_s = now_s
        self._in_flight += 1

    def ended(self, items: int, took_s: float, now_s: float, *, answered: bool, backlog: bool) -> None:
        """A call of `items` ends after `took_s` seconds; `backlog`: whether more items wait now."""
        self._in_flight -= 1
        since_s, self._last_s = now_s - self._last_s, now_s
        if not answered:
            return
        size = items.bit_length()
        if size in self._by_size:
            self._by_size[size].add(took_s)
        else:
            self._by_size[size] = _Smoothed(took_s)
        if backlog and since_s > 0:
            # seconds per item, so that the mean over calls is the mean over time
            if self._rate is None:
                self._rate = _Smoothed(since_s / items)
            else:
                self._rate.add(since_s / items)

    def wait_s(self, ahead: int) -> float | None:
        """How long `ahead` items take to be worked off; None while the rate is not known."""
        return ahead * self._rate.mean if self._rate else None

    def fastest_s(self, items: int) -> float:
        """The least that a call of this size takes, by the times seen; 0 while none was seen."""
        seen = self._by_size.get(items.bit_length())
        return max(0.0, seen.mean - DEVIATIONS * seen.deviation) if seen else 0.0
