import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.planning.capacity.batching import BatchQueue, BatchTimes
from loadtest.planning.capacity.distribution import constant, lognormal
from loadtest.planning.capacity.queueing import Queue

FIXED_S, PER_ITEM_S = 0.004, 0.0005
LINEAR = BatchTimes(((1, FIXED_S + PER_ITEM_S), (512, FIXED_S + 512 * PER_ITEM_S)))


def inoue_bound_s(rate_per_s: float) -> float:
    """The upper bound of the mean latency (Inoue 2021, theorem 2).

    It is for one server, any batch, and seconds of b items = α b + τ.
    """
    alpha, tau = PER_ITEM_S, FIXED_S
    load = rate_per_s * alpha
    low = (alpha + tau) / (2 * (1 - load)) * (1 + 2 * rate_per_s * tau + (1 - rate_per_s * tau) / (1 + load))
    high = 1.5 * tau / (1 - load) + alpha / 2 * (load + 2) / (1 - load**2)
    return min(low, high)


@pytest.mark.parametrize("rate_per_s", [10, 100, 200, 400, 800, 1200, 1600])
def test_one_server_stays_beneath_the_published_bound_and_near_it(rate_per_s: float) -> None:
    mean_s = BatchQueue(rate_per_s, 1, LINEAR).mean_latency_s
    assert mean_s < inoue_bound_s(rate_per_s) * 1.02
    assert mean_s > inoue_bound_s(rate_per_s) * 0.8


@pytest.mark.parametrize(("servers", "utilization"), [(1, 0.5), (2, 0.7), (4, 0.8), (8, 0.8)])
def test_batches_of_one_are_the_queue_without_batches(servers: int, utilization: float) -> None:
    spread = lognormal(1, 0.5)
    rate = utilization * servers / 0.01
    batching = BatchQueue(rate, servers, BatchTimes(((1, 0.01),)), spread=spread)
    queue = Queue(rate, servers, spread.scaled(0.01))
    assert batching.utilization == pytest.approx(queue.utilization, rel=0.02)
    assert batching.mean_latency_s == pytest.approx(queue.mean_latency_s, rel=0.05)
    assert batching.latency_s.quantile(0.99) == pytest.approx(queue.latency_s.quantile(0.99), rel=0.1)


@pytest.mark.parametrize(("rate_per_s", "servers"), [(20, 1), (1000, 1), (1800, 1), (3000, 2)])
def test_how_busy_servers_are_is_what_the_printed_figures_give_by_hand(rate_per_s: float, servers: int) -> None:
    queue = BatchQueue(rate_per_s, servers, LINEAR)
    assert queue.utilization == pytest.approx(rate_per_s * queue.effective_service_s / servers)
    # a line of seconds by items has its mean at the mean batch
    assert queue.effective_service_s == pytest.approx(LINEAR.seconds(queue.batch_items) / queue.batch_items, rel=0.01)
    assert queue.load == pytest.approx(rate_per_s / (servers * 512 / LINEAR.seconds(512)))
    assert queue.load < queue.utilization <= 1


def test_single_texts_make_servers_as_busy_as_without_batches() -> None:
    # 35 texts/s of 20.1 ms on two instances are 35 %, though batches of 16 would carry 129.7/s
    queue = BatchQueue(35, 2, BatchTimes(((1, 0.0201), (16, 0.2467))))
    assert queue.utilization == pytest.approx(35 * 0.0201 / 2, rel=0.02)
    assert queue.load == pytest.approx(35 / 129.7, rel=0.001)


def test_one_server_without_batches_is_busy_for_its_load() -> None:
    queue = BatchQueue(40, 1, BatchTimes(((1, 0.02),)))
    assert (queue.utilization, queue.load) == (pytest.approx(0.8), pytest.approx(0.8))
    # Pollaczek and Khinchine
    assert queue.mean_latency_s == pytest.approx(0.02 + 0.8 * 0.02 / (2 * 0.2), rel=0.05)


def test_batches_carry_what_single_items_cannot() -> None:
    queue = BatchQueue(1500, 1, LINEAR)
    assert queue.rate_per_s * LINEAR.seconds(1) > 6
    assert queue.latency_s.quantile(0.99) < 0.1


def test_a_queue_delay_makes_single_items_wait_for_it() -> None:
    at_once, later = (BatchQueue(5, 1, LINEAR, delay_s=delay_s) for delay_s in (0.0, 0.01))
    assert later.latency_s.quantile(0.5) == pytest.approx(at_once.latency_s.quantile(0.5) + 0.01, rel=0.05)


def test_a_full_batch_waits_for_no_delay() -> None:
    pairs = BatchTimes(((1, 0.001), (2, 0.001)))
    assert BatchQueue(1000, 1, pairs, delay_s=1.0).mean_latency_s < 0.02


@settings(deadline=None, max_examples=10)
@given(st.integers(1, 4), st.floats(0.1, 0.8))
def test_equal_seeds_give_equal_latencies(servers: int, utilization: float) -> None:
    rate = utilization * servers * LINEAR.largest / LINEAR.seconds(LINEAR.largest)
    one, other = (BatchQueue(rate, servers, LINEAR, spread=constant(1.0)).latency_s for _ in range(2))
    assert one == other


def test_times_between_measured_batches_lie_on_a_line() -> None:
    times = BatchTimes.of({8: 0.018, 1: 0.004, 4: 0.010})
    assert times.seconds(1) == 0.004
    assert times.seconds(2.5) == pytest.approx(0.007)
    assert times.seconds(8) == pytest.approx(0.018)
    assert times.largest == 8


@pytest.mark.parametrize("points", [(), ((2, 0.1),), ((1, 0.0),), ((1, 0.2), (1, 0.3)), ((1, 0.2), (4, 0.1))])
def test_impossible_batch_times_are_refused(points: tuple[tuple[int, float], ...]) -> None:
    with pytest.raises(ValueError, match="batch times"):
        BatchTimes(points)


def test_more_than_largest_batches_can_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="1 server cannot carry"):
        _ = BatchQueue(2100, 1, LINEAR).latency_s
