"""The M/G/c queue: Poisson arrivals, one queue, c servers, any service time. Pure.

It says how long a request waits, and how long it takes. The model is that of Tijms, van Hoorn and
Federgruen, "Approximations for the steady-state probabilities in the M/G/c queue" (Advances in
Applied Probability 13, 1981), and of van Hoorn and Tijms, "Approximations for the waiting time
distribution of the M/G/c queue" (Performance Evaluation 2, 1982): while a server is free, the
servers at work are independent; while all work, they are one server c times as fast. So

    P(wait)     = C(c, λ E[S])                               Erlang's formula for M/M/c
    wait | wait = min of c residual service times
                  + wait of M/G/1 with service S/c           (independent)
    E[wait]     = P(wait) · (∫ (1 - F_e(t))^c dt + ρ (1 + scv) E[S] / (2 c (1 - ρ)))
    latency     = wait + S                                   (independent: first come, first served)

F_e is the distribution of a residual service time, (1/E[S]) ∫ (1 - F). The model is exact for one
server (Pollaczek and Khinchine) and for exponential service (Erlang); elsewhere `docs/capacity.md`
says how far off it was found to be.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from loadtest.planning.capacity.distribution import Distribution, compact, constant, mix

Floats = NDArray[np.float64]
LATTICE_POINTS = 1000
REACH_IN_MEANS = 18.0
"""The lattice ends at this many mean conditional waits: e^-18 is far beyond p99.99."""


def erlang_c(servers: int, load: float) -> float:
    """The probability that a request that arrives at M/M/c has to wait.

    `load` is λ E[S] in Erlangs, less than `servers`. Source: A. K. Erlang 1917; by the recursion of
    Erlang's loss formula, which does not overflow.

    Raises:
        ValueError: no server, a negative load, or a load that the servers cannot carry.
    """
    if servers < 1:
        raise ValueError("servers must be at least 1")
    if not 0 <= load < servers:
        raise ValueError(f"{servers} servers cannot carry a load of {load:.3g} Erlangs")
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    busy = load / servers
    return blocked / (1 - busy * (1 - blocked))


@dataclass(frozen=True)
class Queue:
    """An M/G/c queue in its steady state: arrivals per second, servers, service time in seconds.

    Raises:
        ValueError: at the first question, where the servers cannot carry the load.
    """

    rate_per_s: float
    servers: int
    service_s: Distribution

    @property
    def utilization(self) -> float:
        """The share of time that a server works, ρ = λ E[S] / c."""
        return self.rate_per_s * self.service_s.mean / self.servers

    @property
    def load(self) -> float:
        """The rate as a share of the highest throughput, which without batches is utilization."""
        return self.utilization

    @cached_property
    def wait_probability(self) -> float:
        """The share of the requests that do not find a free server."""
        return erlang_c(self.servers, self.rate_per_s * self.service_s.mean)

    @cached_property
    def mean_wait_s(self) -> float:
        """The mean time from arrival to the start of service, also of requests that do not wait."""
        return self.wait_probability * (_mean_least_residual(self.service_s, self.servers) + self._mean_fast_wait_s)

    @property
    def mean_latency_s(self) -> float:
        """The mean time from arrival to the end of service."""
        return self.mean_wait_s + self.service_s.mean

    @property
    def _mean_fast_wait_s(self) -> float:
        busy = self.utilization
        return busy * (1 + self.service_s.scv) * self.service_s.mean / (2 * self.servers * (1 - busy))

    @cached_property
    def wait_s(self) -> Distribution:
        """The wait of all requests: 0 for those that find a server free."""
        if self.wait_probability == 0:
            return constant(0.0)
        return mix([(1 - self.wait_probability, constant(0.0)), (self.wait_probability, self._conditional_wait_s())])

    @cached_property
    def latency_s(self) -> Distribution:
        """The time from arrival to the end of service."""
        return self.wait_s.plus(self.service_s)

    def _conditional_wait_s(self) -> Distribution:
        """The wait of the requests that wait, on a lattice.

        The M/G/1 wait is a geometric sum of residuals of S/c, summed by Panjer's recursion.
        """
        mean = self.mean_wait_s / self.wait_probability
        step = REACH_IN_MEANS * mean / LATTICE_POINTS
        survival = _residual_survival(self.service_s)
        points = range(LATTICE_POINTS + 1)
        fast = _lattice([survival((point + 0.5) * step * self.servers) for point in points])
        first = _lattice([survival((point + 0.5) * step) ** self.servers for point in points])
        wait = _geometric_sum(fast, self.utilization)
        both = np.convolve(first, wait)[: len(points)]
        at = np.arange(len(points)) * step
        return compact(at * (mean * both.sum() / (at @ both)), both)


def _lattice(survival: Sequence[float]) -> Floats:
    """Weights of the lattice points from P(time > point + 1/2)."""
    return -np.diff(survival, prepend=1.0)


def _geometric_sum(weights: Floats, more: float) -> Floats:
    """The sum of N independent lattice times with P(N = n) = (1 - more) moreⁿ (Panjer 1981)."""
    scale = 1 / (1 - more * weights[0])
    total = np.empty_like(weights)
    total[0] = (1 - more) * scale
    backwards = weights[::-1].copy()
    for point in range(1, len(weights)):
        total[point] = more * scale * (backwards[-1 - point : -1] @ total[:point])
    return total


def _residual_survival(service_s: Distribution) -> Callable[[float], float]:
    """P(residual service time > t) = E[max(S - t, 0)] / E[S]."""
    above = list(accumulate(reversed(service_s.weights), initial=0.0))[::-1]
    moments = (value * weight for value, weight in zip(reversed(service_s.values), reversed(service_s.weights), strict=True))
    moment_above = list(accumulate(moments, initial=0.0))[::-1]

    def survival(time_s: float) -> float:
        index = bisect_right(service_s.values, time_s)
        return max(moment_above[index] - time_s * above[index], 0.0) / service_s.mean

    return survival


def _mean_least_residual(service_s: Distribution, servers: int) -> float:
    """∫ P(residual > t)^c dt, exactly: the residual's survival is linear between two atoms."""
    survival = _residual_survival(service_s)
    knots = [0.0, *service_s.values]
    heights = [survival(knot) for knot in knots]
    return math.fsum(
        (right - left) * _mean_power(high, low, servers)
        for left, right, high, low in zip(knots, knots[1:], heights, heights[1:], strict=False)
    )


def _mean_power(high: float, low: float, power: int) -> float:
    """The mean of y^power while y goes evenly from `high` to `low`."""
    if high - low <= 1e-9 * high:
        return math.pow(high, power)
    return (math.pow(high, power + 1) - math.pow(low, power + 1)) / ((power + 1) * (high - low))
