"""How fast a version answers, learned from the calls to it. Pure: the clock is passed in.

Work is counted in units of cost (`gateway.admission.cost`).
"""

from math import exp, inf

WEIGHT = 0.2
"""The weight of the newest sample in the smoothed figures."""
MEMORY_S = 3.0
"""Rates are means over about so long, however short the calls are."""
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


class _Ratio:
    """The ratio of two sums that forget what is older than about `MEMORY_S`."""

    def __init__(self) -> None:
        self._over = self._under = 0.0

    def add(self, over: float, under: float, since_s: float) -> None:
        kept = exp(-since_s / MEMORY_S)
        self._over = kept * self._over + over
        self._under = kept * self._under + under

    @property
    def value(self) -> float | None:
        return self._over / self._under if self._under else None


class _Quickest:
    """The time and the cost of the calls that took least."""

    def __init__(self, took_s: float, cost: int) -> None:
        self.took_s, self.cost = took_s, float(cost)

    def learn(self, took_s: float, cost: int, *, is_lone: bool) -> None:
        """Learn at once from a call that took less, and by and by from a text alone that took more.

        Under a lasting load no text is alone, and what the first call to a cold server took would
        else count for as long as that.
        """
        if took_s < self.took_s:
            self.took_s, self.cost = took_s, min(self.cost, cost)
        elif is_lone:
            self.took_s += WEIGHT * (took_s - self.took_s)
            self.cost += WEIGHT * (cost - self.cost)


class ServiceTimes:
    """How long calls take by their cost, and how fast a backlog is worked off.

    `instances` calls are computed side by side.
    """

    def __init__(self, instances: int) -> None:
        self.instances = instances
        self._by_size: dict[int, _Smoothed] = {}
        self._backlog, self._computing, self._calls, self._texts = _Ratio(), _Ratio(), _Ratio(), _Ratio()
        self._quickest: _Quickest | None = None
        self._in_flight = 0
        self._last_s = -inf
        self._was_alone = False

    def began(self, now_s: float) -> None:
        """A call begins."""
        if not self._in_flight:
            self._last_s = now_s
        self._was_alone = not self._in_flight
        self._in_flight += 1

    def ended(self, cost: int, items: int, took_s: float, now_s: float, *, answered: bool, backlog: bool, given_up: bool = False) -> None:
        """A call for so many items ends; `backlog`: whether more items wait now.

        A call that was `given_up` would have taken longer than it did; others without an answer
        tell nothing.
        """
        side_by_side = min(self._in_flight, self.instances)
        self._in_flight -= 1
        since_s, self._last_s = now_s - self._last_s, now_s
        if not answered:
            if given_up:
                self._learn_at_least(cost, items, took_s, since_s)
            return
        self._learn_size(cost.bit_length(), took_s)
        is_lone = items == 1 and self._was_alone and not self._in_flight and not backlog
        if self._quickest is None:
            self._quickest = _Quickest(took_s, cost)
        else:
            self._quickest.learn(took_s, cost, is_lone=is_lone)
        self._calls.add(took_s, cost, since_s)
        self._texts.add(cost, items, since_s)
        if backlog and since_s > 0:
            self._backlog.add(since_s, cost, since_s)
            self._computing.add(since_s * side_by_side, cost, since_s)

    def wait_s(self, work: int) -> float | None:
        """How long a backlog takes to be worked off; None before there was one."""
        # the times of all calls add up to no less than the time they were in flight: where those
        # of late add up to less than the last backlog says, that is out of date
        rate, of_calls = self._backlog.value, self._calls.value
        return None if rate is None or of_calls is None else work * min(rate, of_calls)

    def cost_of(self, seconds: float) -> float:
        """How much a call may cost that takes an instance so long; without limit if not known.

        Nor is there a limit where calls took no time by the clock.
        """
        per_unit_s = self._per_unit_s
        return seconds / per_unit_s if per_unit_s else inf

    @property
    def overhead(self) -> float:
        """What a call costs beside its texts, in units of cost; 0 where that is not known.

        It is what a small call takes beyond what its texts add to a call for many.
        """
        if self._quickest is None or not self._per_unit_s:
            return 0.0
        return max(0.0, self._quickest.took_s / self._per_unit_s - self._quickest.cost)

    @property
    def cost_of_a_text(self) -> float:
        """The mean cost of a text in the calls of late; 0 before there was one."""
        return self._texts.value or 0.0

    def fastest_s(self, cost: int) -> float:
        """The least that a call of about this cost takes, by the times seen; 0 if none was seen."""
        seen = self._by_size.get(cost.bit_length())
        return max(0.0, seen.mean - DEVIATIONS * seen.deviation) if seen else 0.0

    def _learn_at_least(self, cost: int, items: int, took_s: float, since_s: float) -> None:
        """Learn from a call that takes longer than `took_s`, unless that is known already."""
        seen = self._by_size.get(cost.bit_length())
        if seen is None or took_s > seen.mean:
            self._learn_size(cost.bit_length(), took_s)
        if took_s > cost * (self._calls.value or 0.0):
            self._calls.add(took_s, cost, since_s)
            self._texts.add(cost, items, since_s)

    def _learn_size(self, size: int, took_s: float) -> None:
        for other, seen in self._by_size.items():
            # a call that costs less would have taken no longer, and may not come again: no item is
            # begun that would be late by what such calls took once
            if other == size or (other < size and took_s < seen.mean):
                seen.add(took_s)
        if size not in self._by_size:
            self._by_size[size] = _Smoothed(took_s)

    @property
    def _per_unit_s(self) -> float:
        """How long an instance takes for a unit of cost; 0 where that is not known.

        Calls take at least as long as they are computed. So where those of late took less than what
        was learned from the last backlog, that is out of date.
        """
        return min(filter(None, (self._computing.value, self._calls.value)), default=0.0)
