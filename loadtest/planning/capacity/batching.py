"""A queue before servers that take whatever waits as one batch, simulated event by event. Pure.

Triton's dynamic batcher works so. No formula is known for several servers, a largest batch and a
queue delay together; the simulation is exact but for its sampling error (some 2 % of p99 at the
default length). With batches of one it is M/G/c; for one server without a largest batch the mean
latency stays beneath the bound of Y. Inoue, "Queueing analysis of GPU-based inference servers with
dynamic batching: a closed-form characterization" (Performance Evaluation 147, 2021). Tests hold it
to both.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from heapq import heapreplace
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadtest.planning.capacity.distribution import Distribution, compact, constant
from loadtest.results.figures import plural

ITEMS_SIMULATED = 120_000
WARM_UP_SHARE = 0.1
ALWAYS_ONE = constant(1.0)


@dataclass(frozen=True)
class BatchTimes:
    """How long a server works on a batch.

    `points` are measured (items, seconds), ascending, beginning with one item; the last is the
    largest batch.

    Raises:
        ValueError: the points do not begin with one item, or their seconds fall.
    """

    points: tuple[tuple[int, float], ...]

    def __post_init__(self) -> None:
        if not self.points or self.points[0][0] != 1 or self.points[0][1] <= 0:
            raise ValueError("batch times begin with the seconds of a batch of 1 item")
        if any(later <= earlier or more < less for (earlier, less), (later, more) in zip(self.points, self.points[1:], strict=False)):
            raise ValueError("batch times must be of more items each, and must not fall")

    @classmethod
    def of(cls, seconds: Mapping[int, float]) -> "BatchTimes":
        """From items → seconds in any order."""
        return cls(tuple(sorted(seconds.items())))

    @property
    def largest(self) -> int:
        """Items of the largest batch."""
        return self.points[-1][0]

    def seconds(self, items: float) -> float:
        """Seconds of a batch of `items` (1 to `largest`), linear between what was measured."""
        index = min(max(bisect_right(self.points, (items, math.inf)), 1), len(self.points) - 1)
        if len(self.points) == 1:
            return self.points[0][1]
        (low, less), (high, more) = self.points[index - 1], self.points[index]
        return less + (more - less) * (items - low) / (high - low)


@dataclass(frozen=True)
class BatchQueue:
    """Poisson arrivals of items, and servers that batch.

    `delay_s` is the batcher's queue delay, `spread` how batches of one size vary (a distribution of
    mean 1). Equal seeds give equal numbers, so that two plans differ only by what differs between
    them.
    """

    rate_per_s: float
    servers: int
    times: BatchTimes
    delay_s: float = 0.0
    spread: Distribution = ALWAYS_ONE
    seed: int = 1

    @property
    def capacity_per_s(self) -> float:
        """Items per second where every batch is a largest one."""
        return self.servers * self.times.largest / self.times.seconds(self.times.largest)

    @property
    def load(self) -> float:
        """The rate as a share of the highest throughput, that of largest batches alone.

        This is the normalized load ρ = λ / sup μ of Inoue (2021): the queue is stable below 1. It
        is not how busy the servers are, since small batches cost more for each item.
        """
        return self.rate_per_s / self.capacity_per_s

    @property
    def utilization(self) -> float:
        """The share of time that a server works, as simulated: λ × `effective_service_s` / c.

        It is the probability that a server is busy, ρ = λ E[t(B)] / (c E[B]) with the batches B
        that form (the rate at which work arrives, by Little's law); 1 and more where the servers
        cannot carry the load.
        """
        return self._simulated.busy_share if self.load < 1 else self.load

    @property
    def batch_items(self) -> float:
        """The mean items of the batches that form, E[B]."""
        return self._simulated.batch_items if self.load < 1 else float(self.times.largest)

    @property
    def effective_service_s(self) -> float:
        """A server's seconds for each item, E[t(B)] / E[B], in the batches that form."""
        return self.utilization * self.servers / self.rate_per_s

    @property
    def mean_latency_s(self) -> float:
        """The mean time from arrival to the end of the batch."""
        return self.latency_s.mean

    @property
    def latency_s(self) -> Distribution:
        """The time from arrival to the end of the batch.

        Raises:
            ValueError: the servers cannot carry the load.
        """
        if self.load >= 1:
            raise ValueError(
                f"{plural(self.servers, 'server')} cannot carry {self.rate_per_s:,.0f} items/s, only {self.capacity_per_s:,.0f}"
            )
        return self._simulated.latency_s

    @cached_property
    def _simulated(self) -> "_Simulated":
        return _simulate(self)


class _Simulated(NamedTuple):
    latency_s: Distribution
    busy_share: float
    batch_items: float


@lru_cache(maxsize=128)  # a plan asks about the same deployments and rates several times
def _simulate(queue: BatchQueue) -> _Simulated:
    unit_arrivals, factors = _draws(queue.seed, queue.spread)
    moments = unit_arrivals / queue.rate_per_s
    arrivals: list[float] = moments.tolist()
    largest, delay_s = queue.times.largest, queue.delay_s
    seconds = [queue.times.seconds(items) for items in range(1, largest + 1)]
    free = [0.0] * queue.servers
    ends: list[float] = []
    sizes: list[int] = []
    worked_s = 0.0
    begin = 0
    while begin < ITEMS_SIMULATED:
        first = arrivals[begin]
        start = max(free[0], first)
        if delay_s:
            full = begin + largest - 1
            filled = arrivals[full] if full < ITEMS_SIMULATED else math.inf
            start = max(start, min(first + delay_s, filled))
        end = max(bisect_right(arrivals, start, begin, min(begin + largest, ITEMS_SIMULATED)), begin + 1)
        batch_s = seconds[end - begin - 1] * factors[begin]
        worked_s += batch_s
        heapreplace(free, start + batch_s)
        ends.append(start + batch_s)
        sizes.append(end - begin)
        begin = end
    latencies = (np.repeat(ends, sizes) - moments)[int(ITEMS_SIMULATED * WARM_UP_SHARE) :]
    # the rate asked for, in place of the one that was drawn, keeps λ E[t(B)] / (c E[B]) exact
    busy_share = min(queue.rate_per_s * worked_s / ITEMS_SIMULATED / queue.servers, 1.0)
    return _Simulated(compact(latencies, np.ones_like(latencies)), busy_share, ITEMS_SIMULATED / len(sizes))


@lru_cache(maxsize=4)
def _draws(seed: int, spread: Distribution) -> tuple[NDArray[np.float64], list[float]]:
    """Arrivals at one a second, and a factor for each item.

    The factor says how much longer a batch that begins with the item takes than batches of its size
    take on average.
    """
    random = Random(seed)  # noqa: S311 - reproducible, not secret
    arrivals = np.cumsum([random.expovariate(1.0) for _ in range(ITEMS_SIMULATED)])
    return arrivals, random.choices(spread.values, spread.weights, k=ITEMS_SIMULATED)
