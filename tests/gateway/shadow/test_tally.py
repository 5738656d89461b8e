"""Counters of compared answers: the script against its rule, and what a report makes of them."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from state_servers import FLUSH

from gateway.fakes.state import FakeState
from gateway.measurement.names import shadow_names
from gateway.shadow.examples import MOST_EXAMPLES, Example, keep_examples, most_different
from gateway.shadow.report import report_of, reports_of
from gateway.shadow.tally import AFTER, BEFORE, EDGES, TALLY, TRAFFIC, Compared, Pair, argument, cost
from gateway.statistics.wilson import wilson
from gateway.tasks.difference import Difference

PAIR, NOISE = Pair("topics/1", "topics/2"), Pair("topics/1", "topics/1")
NAMES = shadow_names("lora")
differences = st.builds(Difference, st.sampled_from([None, True, False]), st.floats(0, 1), st.sampled_from([None, 0.0, 1 / 3, 1.0]))
compared = st.lists(st.builds(Compared, st.sampled_from([PAIR, NOISE]), st.sampled_from("abcdef"), differences), max_size=20)


async def tell(state, compared, others=(), most=4):
    return await state.run(TALLY, NAMES[:2], [argument(compared, dict(others)), most])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(batches=st.lists(compared, max_size=3))
async def test_both_count_the_same(state, batches):
    await state.run(FLUSH, [], [])
    fake = FakeState()
    for batch in batches:
        others = cost(PAIR, AFTER, 1, 0.5, 0.25)
        assert await tell(state, batch, others) == await tell(fake, batch, others)
    for name in NAMES:
        assert await state.hash_items(name) == await fake.hash_items(name)


async def test_a_report_counts_by_traffic_and_by_distinct_text():
    fake = FakeState()
    often = [Compared(PAIR, "same text", Difference(True, 0.9))] * 6
    others = [Compared(PAIR, f"text {i}", Difference(False, 0.004)) for i in range(4)]
    noise = [Compared(NOISE, f"text {i}", Difference(i == 0, 0.0)) for i in range(5)]
    counts = {**cost(PAIR, BEFORE, 2, 0.02, 0.04), **cost(PAIR, AFTER, 4, 0.08, 0.4), PAIR.field(TRAFFIC, "compared"): 10}
    await tell(fake, [*often, *others, *noise], counts, 1000)
    [report] = await reports_of(fake, "lora")
    assert (report.traffic.items, report.traffic.flips) == (10, 0.6)
    assert (report.distinct.items, report.distinct.flips) == (5, 0.2)
    assert (report.noise.items, report.noise.flips) == (5, 0.2)
    assert report.traffic.quantiles == (1.0, 1.0, 1.0)
    assert report.distinct.quantiles[0] == 0.005
    assert report.latency_s == (0.02, 0.1)
    assert report.triton_s == (0.01, 0.02)
    assert report.sentence.startswith("topics/2 answers 60.00% of 10 items otherwise than topics/1 (")
    assert "topics/1 differs from itself in 20.00% of 5" in report.sentence
    assert report.document()["by_traffic"]["flips"] == 0.6


def test_nothing_compared_is_said():
    assert "nothing is compared yet" in report_of(PAIR, {}).sentence
    assert report_of(PAIR, {}).document()["by_traffic"]["flips_interval"] is None


@given(st.integers(1, 10**5).flatmap(lambda units: st.tuples(st.integers(0, units), st.just(units))))
def test_wilsons_interval_is_scipys(events_of_units):
    wanted = binomtest(*events_of_units).proportion_ci(0.95, method="wilson")
    found = wilson(*events_of_units, 0.05)
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=1e-9)


@given(st.floats(0, 1))
def test_every_amount_has_a_bin(amount):
    [bin_] = [name for name in Compared(PAIR, "a", Difference(None, amount)).counts() if name.startswith("amount:")]
    edge = int(bin_.partition(":")[2])
    assert amount <= EDGES[edge]
    assert edge == 0 or amount > EDGES[edge - 1]


def example(amount, text="t", flip=False):
    return Example(amount, flip, text, 10, ("a", 0.9), None)


async def test_the_most_different_examples_of_all_workers_are_kept():
    fake = FakeState()
    for worker in range(3):
        await keep_examples(fake, "lora", {PAIR: [example(i / 100 + worker / 1000, f"{worker} {i}") for i in range(30)]})
    await tell(fake, [Compared(PAIR, "a", Difference(True, 0.9))])
    [report] = await reports_of(fake, "lora")
    amounts = [one.amount for one in report.examples]
    assert len(amounts) == MOST_EXAMPLES
    assert amounts == sorted(amounts, reverse=True)
    assert min(amounts) >= 0.26


def test_a_text_stands_once_and_flips_come_first():
    found = most_different([example(0.5, "a"), example(0.7, "a"), example(0.9, "b"), example(0.1, "c", flip=True)])
    assert [(one.text, one.amount) for one in found] == [("c", 0.1), ("b", 0.9), ("a", 0.7)]
