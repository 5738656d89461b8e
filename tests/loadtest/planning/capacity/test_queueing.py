"""The queueing model against what is known exactly, and against a simulation of M/G/c."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.planning.capacity.distribution import EDGES, Distribution, constant, lognormal, mix
from loadtest.planning.capacity.queueing import Queue, erlang_c

Draw = Callable[[np.random.Generator, int], np.ndarray]


def exponential() -> Distribution:
    """Mean 1, as bins of equal shares with their exact means."""

    def moment_above(share: float) -> float:
        return 0.0 if share >= 1 else (1 - share) * (1 - math.log(1 - share))

    lows = (0.0, *EDGES[:-1])
    means = [(moment_above(low) - moment_above(high)) / (high - low) for low, high in zip(lows, EDGES, strict=True)]
    return Distribution(tuple(means), tuple(high - low for low, high in zip(lows, EDGES, strict=True)))


def drawn_lognormal(scv: float) -> Draw:
    sigma = math.sqrt(math.log1p(scv))
    return lambda random, count: random.lognormal(-(sigma**2) / 2, sigma, count)


def two_point(share: float, low: float) -> tuple[Distribution, Draw]:
    """Hits that take `low`, misses that take 1, scaled to a mean of 1."""
    mean = share * low + 1 - share
    return (
        mix([(share, constant(low / mean)), (1 - share, constant(1 / mean))]),
        lambda random, count: np.where(random.random(count) < share, low, 1.0) / mean,
    )


SERVICE: dict[str, tuple[Distribution, Draw]] = {
    "deterministic": (constant(1.0), lambda _, count: np.ones(count)),
    "exponential": (exponential(), lambda random, count: random.exponential(1.0, count)),
    "lognormal, scv 0.5": (lognormal(1, 0.5), drawn_lognormal(0.5)),
    "lognormal, scv 1": (lognormal(1, 1), drawn_lognormal(1)),
    "lognormal, scv 2": (lognormal(1, 2), drawn_lognormal(2)),
    "lognormal, scv 4": (lognormal(1, 4), drawn_lognormal(4)),
    "70 % hits": two_point(0.7, 0.05),
}
WARM_UP_SHARE = 0.1
QUEUES = 100
MEAN_WITHIN, P99_WITHIN = 0.10, 0.15


def customers(utilization: float, scv: float) -> int:
    """How many make the sampling error small.

    A queue forgets its past more slowly, the busier and the more irregular it is.
    """
    return max(150_000, int(6000 * (1 + scv) / (1 - utilization) ** 2))


def simulate(rate: float, servers: int, service: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Latencies in M/G/c by the recursion of Kiefer and Wolfowitz (1955).

    The next customer gets the server that is free first. Many independent queues are simulated at a
    time, with a customer of each a step.
    """
    steps = len(service) // QUEUES
    arrivals = np.cumsum(random.exponential(1 / rate, (steps, QUEUES)), axis=0)
    durations = service[: steps * QUEUES].reshape(steps, QUEUES)
    ends, free, queues = np.empty_like(arrivals), np.zeros((QUEUES, servers)), np.arange(QUEUES)
    for step in range(steps):
        first = free.argmin(axis=1)
        ends[step] = free[queues, first] = np.maximum(arrivals[step], free[queues, first]) + durations[step]
    return (ends - arrivals)[int(steps * WARM_UP_SHARE) :].ravel()


@pytest.mark.parametrize("name", SERVICE)
@pytest.mark.parametrize("servers", [1, 2, 4, 16])
@pytest.mark.parametrize("utilization", [0.3, 0.6, 0.9])
def test_the_model_predicts_a_simulated_queue(name: str, servers: int, utilization: float) -> None:
    distribution, draw = SERVICE[name]
    random = np.random.default_rng([servers, int(100 * utilization), list(SERVICE).index(name)])
    simulated = simulate(utilization * servers, servers, draw(random, customers(utilization, distribution.scv)), random)
    queue = Queue(utilization * servers, servers, distribution)
    assert queue.mean_latency_s == pytest.approx(simulated.mean(), rel=MEAN_WITHIN)
    assert queue.latency_s.mean == pytest.approx(queue.mean_latency_s, rel=1e-6)
    assert queue.latency_s.quantile(0.99) == pytest.approx(np.quantile(simulated, 0.99), rel=P99_WITHIN)


@given(st.sampled_from(list(SERVICE)), st.floats(0.01, 0.98))
def test_one_server_waits_as_pollaczek_and_khinchine_say(name: str, utilization: float) -> None:
    service = SERVICE[name][0]
    expected = utilization * (1 + service.scv) / 2 / (1 - utilization)
    assert Queue(utilization, 1, service).mean_wait_s == pytest.approx(expected, rel=1e-6)


@given(st.integers(1, 64), st.floats(0.01, 0.98))
def test_exponential_service_waits_as_erlang_says(servers: int, utilization: float) -> None:
    queue = Queue(utilization * servers, servers, exponential())
    assert queue.mean_wait_s == pytest.approx(erlang_c(servers, utilization * servers) / (servers * (1 - utilization)), rel=2e-3)


def test_exponential_service_has_erlangs_distribution() -> None:
    queue = Queue(3.2, 4, exponential())
    for share in (0.7, 0.9, 0.99, 0.999):
        expected = max(math.log(queue.wait_probability / (1 - share)) / (4 * (1 - 0.8)), 0)
        assert queue.wait_s.quantile(share) == pytest.approx(expected, rel=0.02, abs=0.02)


def test_erlang_c_is_the_published_formula() -> None:
    for servers, load in ((1, 0.5), (2, 1.0), (5, 4.0), (12, 9.9), (100, 95.0)):
        terms = [load**k / math.factorial(k) for k in range(servers)]
        last = load**servers / math.factorial(servers) * servers / (servers - load)
        assert erlang_c(servers, load) == pytest.approx(last / (sum(terms) + last), rel=1e-9)
    assert erlang_c(3, 0) == 0
    for servers, load in ((0, 0.0), (2, 2.0), (2, -0.1)):
        with pytest.raises(ValueError, match="server"):
            erlang_c(servers, load)


@settings(deadline=None, max_examples=12)
@given(st.integers(1, 8), st.floats(0.1, 0.85), st.sampled_from(["deterministic", "lognormal, scv 2", "70 % hits"]))
def test_more_load_takes_longer_and_more_servers_less_long(servers: int, utilization: float, name: str) -> None:
    service = SERVICE[name][0]
    queue = Queue(utilization * servers, servers, service)
    busier = Queue(utilization * servers * 1.1, servers, service)
    wider = Queue(utilization * servers, servers + 1, service)
    assert queue.mean_wait_s < busier.mean_wait_s
    assert wider.mean_wait_s < queue.mean_wait_s
    for share in (0.5, 0.99, 0.999):
        assert queue.latency_s.quantile(share) <= busier.latency_s.quantile(share) * 1.01
        assert wider.latency_s.quantile(share) <= queue.latency_s.quantile(share) * 1.01


def test_without_load_nobody_waits() -> None:
    queue = Queue(0.0, 4, lognormal(0.01, 1))
    assert queue.mean_wait_s == 0
    assert queue.latency_s.quantile(0.99) == queue.service_s.quantile(0.99)


def test_more_than_the_servers_can_do_is_refused() -> None:
    with pytest.raises(ValueError, match="2 servers cannot carry a load of 2 Erlangs"):
        _ = Queue(200, 2, constant(0.01)).latency_s
