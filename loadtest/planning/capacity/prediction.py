"""What a deployment does at a load: each stage's queue, and the latency of requests. Pure.

    request ─▶ gateway worker (M/G/1) ─▶ cache ─ hit ─▶ response
                                           └─ miss ─▶ Triton replica (M/G/c or batches) ─▶ response

Each worker and each replica has a queue of its own: TCP connections spread the load evenly and at
random, and no request changes queues. The latency of a hit is the wait for the worker + the
measured latency of hits at little load. The latency of a miss is that + its overhead + the latency
at Triton. A request of k items is a hit where all its items are, hit rate^k; items are taken as
independent.
"""

from dataclasses import dataclass
from functools import cached_property

from loadtest.planning.capacity.batching import BatchQueue, BatchTimes
from loadtest.planning.capacity.distribution import Distribution, constant, mix
from loadtest.planning.capacity.profile import Profile
from loadtest.planning.capacity.queueing import Queue
from loadtest.slo import ERRORS, MEAN, Objective, Slo

MS_PER_S = 1000
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Load:
    """Requests per second, the share of their items that the cache holds, and items a request.

    Raises:
        ValueError: a rate that is not positive, or a hit rate outside 0 to 1.
    """

    requests_per_s: float
    hit_rate: float
    items_per_request: int = 1

    def __post_init__(self) -> None:
        if self.requests_per_s <= 0 or not 0 <= self.hit_rate <= 1 or self.items_per_request < 1:
            raise ValueError("a load needs a rate above 0, a hit rate from 0 to 1, and at least one item a request")

    @property
    def items_per_s(self) -> float:
        """All items."""
        return self.requests_per_s * self.items_per_request

    @property
    def hit_request_share(self) -> float:
        """The share of requests that need no Triton."""
        return float(self.hit_rate**self.items_per_request)

    @property
    def calls_per_s(self) -> float:
        """Requests with a miss, each one call to Triton."""
        return self.requests_per_s * (1 - self.hit_request_share)

    @property
    def misses_per_s(self) -> float:
        """Items that Triton computes."""
        return self.items_per_s * (1 - self.hit_rate)


@dataclass(frozen=True, slots=True)
class Deployment:
    """How many gateways and Triton replicas there are, each at least one."""

    gateways: int
    triton_replicas: int


@dataclass(frozen=True)
class Prediction:
    """A load on a deployment of what the profile measured."""

    profile: Profile
    load: Load
    deployment: Deployment

    @cached_property
    def gateway_queue(self) -> Queue:
        """The queue of one gateway worker; its service time is CPU time."""
        gateway, hits = self.profile.gateway, self.load.hit_request_share
        service = mix([(hits, constant(gateway.cpu_s_per_hit)), (1 - hits, constant(gateway.cpu_s_per_miss))])
        return Queue(self.load.requests_per_s / (self.deployment.gateways * gateway.workers), 1, service)

    @cached_property
    def triton_queue(self) -> Queue | BatchQueue:
        """The queue of one Triton replica.

        It is one of items in batches where the seconds of batches were measured, else one of calls.
        """
        triton = self.profile.triton
        if triton.batch_seconds:
            times, spread = BatchTimes.of(triton.batch_seconds), self._call_s.scaled(1 / self._call_s.mean)
            rate = self.load.misses_per_s / self.deployment.triton_replicas
            return BatchQueue(rate, triton.instances, times, triton.queue_delay_s, spread)
        service = self._call_s
        if triton.seconds_per_item is not None and self.load.calls_per_s:
            service = service.scaled(triton.seconds_per_item * self.load.misses_per_s / self.load.calls_per_s / service.mean)
        return Queue(self.load.calls_per_s / self.deployment.triton_replicas, triton.instances, service)

    @cached_property
    def _call_s(self) -> Distribution:
        return self.profile.triton.service_s.distribution

    @property
    def overloaded(self) -> bool:
        """Whether a stage gets more than it can do, so that its queue grows without end."""
        return max(self.gateway_queue.load, self.triton_queue.load) >= 1

    @cached_property
    def triton_latency_s(self) -> Distribution:
        """The time from a call to its response.

        Raises:
            ValueError: Triton is overloaded.
        """
        if self.load.calls_per_s == 0:
            return constant(0.0)
        queue = self.triton_queue
        return queue.latency_s if isinstance(queue, BatchQueue) else queue.wait_s.plus(self._call_s)

    @cached_property
    def latency_s(self) -> Distribution:
        """The latency of all requests, hits and misses.

        Raises:
            ValueError: a stage is overloaded.
        """
        hit = self.gateway_queue.wait_s.plus(self.profile.gateway.hit_latency_s.distribution)
        if self.load.calls_per_s == 0:
            return hit
        hits, overhead = self.load.hit_request_share, constant(self.profile.gateway.miss_overhead_s)
        return mix([(hits, hit), (1 - hits, hit.plus(overhead).plus(self.triton_latency_s))])

    def latency_ms(self, objective: Objective) -> float:
        """The metric of a latency objective, milliseconds.

        Raises:
            ValueError: a stage is overloaded, or the objective is about errors.
        """
        if objective.quantile is not None:
            return self.latency_s.quantile(objective.quantile) * MS_PER_S
        if objective.metric != MEAN:
            raise ValueError(f"the queueing model says nothing of {objective.metric}")
        return self.latency_s.mean * MS_PER_S

    def holds(self, slo: Slo, most_utilization: float, margin: float = 0.0) -> bool:
        """Whether every latency objective holds, also by `margin` more than is predicted.

        No stage may have more than `most_utilization` of its highest throughput as its load.
        """
        if self.overloaded or max(self.gateway_queue.load, self.triton_queue.load) > most_utilization * (1 + ROUNDING):
            return False
        return all(objective.allows(self.latency_ms(objective) * (1 + margin)) for objective in latency_objectives(slo))


def latency_objectives(slo: Slo) -> list[Objective]:
    """The objectives that a queue can be asked about: all but errors."""
    return [objective for objective in slo.objectives if objective.metric != ERRORS]
