"""Bandits: weights follow a binary goal, and units stay in their arms."""

import random

import pytest

from gateway.evaluation.bandit import LEAST_UNITS, next_weights
from gateway.evaluation.leader import BANDIT, Leader
from gateway.evaluation.looks import measured, results_of
from gateway.experiments import lifecycle
from gateway.experiments.definition import read
from gateway.experiments.placement import unit_hash
from gateway.experiments.store import ExperimentStore
from gateway.fakes.state import FakeState
from gateway.measurement.exposures import Exposures
from gateway.measurement.features import Seen
from gateway.measurement.layout import layout_of
from gateway.measurement.outcomes import Outcome, Outcomes
from gateway.request.placement import Arm

NAMES = ("a", "b", "c")
HOUR = 3600.0


class Bench:
    """A bandit with three arms, whose units click with the rates that are set."""

    def __init__(self, **metric):
        self.now, self.state, self.chance = 1_700_000_000.0, FakeState(clock=lambda: self.now), random.Random(5)
        self.store = ExperimentStore(self.state, lambda: self.now)
        weights = dict(zip(NAMES, (0.4, 0.3, 0.3), strict=True))
        variants = [{"name": name, "model": "topics", "version": i, "weight": weights[name]} for i, name in enumerate(NAMES, 1)]
        click = {"name": "click", "kind": "binary", **metric}
        self.definition = read({"key": "e", "variants": variants, "metrics": [click], "bandit": {"metric": "click", "interval": "1h"}})
        self.layout = layout_of(self.definition)
        self.exposures = Exposures(self.state, lambda *_: self.layout, "writer", lambda: self.now)
        self.outcomes = Outcomes(self.state, lambda: {("e", i): self.layout for i in range(1, 51)}, lambda: self.now)
        self.leader = Leader(self.state, self.store, "one", lambda: self.now)
        self.units = 0

    async def start(self):
        await self.store.change("e", "me", lambda stored, now: lifecycle.put(stored, self.definition, now))
        await self.store.change("e", "me", lambda stored, now: lifecycle.start(stored, "e", now))

    async def record(self):
        return (await self.store.read()).records["e"]

    async def hour(self, units, **rates):
        """New units come by the weights of now, and an hour later the leader looks."""
        record = await self.record()
        weights = [variant.weight for variant in record.definition.variants]
        clicks = []
        for name in self.chance.choices(NAMES, weights, k=units):
            self.units += 1
            unit = unit_hash(f"u{self.units}")
            self.exposures.add([Arm("e", name, record.epoch, unit, True)], Seen(0.1))
            if self.chance.random() < rates[name]:
                clicks.append(Outcome(unit, "click", 1.0, f"k{self.units}", self.now))
        await self.exposures.flush()
        await self.outcomes.add(clicks)
        self.now += HOUR
        await self.leader.look()
        return {variant.name: variant.weight for variant in (await self.record()).definition.variants}


@pytest.fixture
async def bench():
    made = Bench()
    await made.start()
    return made


async def test_the_best_arm_gets_nearly_all_new_units_and_no_arm_less_than_the_floor(bench):
    for _ in range(6):
        weights = await bench.hour(1500, a=0.10, b=0.16, c=0.08)
    assert weights["b"] > 0.85
    assert sum(weights.values()) == pytest.approx(1)
    assert min(weights.values()) >= 0.05
    record = await bench.record()
    assert record.epoch == len(record.epochs) > 1
    events = await bench.store.events("e")
    assert {(event.action, event.by) for event in events[2:]} == {("weights", BANDIT)}
    results = await results_of(bench.state, record, bench.now)
    assert results.sample_ratio.ok
    assert any("weights follow click" in warning for warning in results.warnings)
    assert results.metrics[0].comparisons[0].found.difference > 0


async def test_where_a_metric_is_to_fall_the_lowest_arm_wins():
    bench = Bench(direction="decrease")
    await bench.start()
    weights = await bench.hour(3000, a=0.10, b=0.16, c=0.04)
    assert max(weights, key=weights.get) == "c"


async def test_weights_stay_until_each_arm_has_units_and_the_interval_is_over(bench):
    before = {"a": 0.4, "b": 0.3, "c": 0.3}
    assert await bench.hour(2 * LEAST_UNITS, a=0.1, b=0.9, c=0.1) == before
    moved = await bench.hour(1500, a=0.1, b=0.9, c=0.1)
    assert moved != before
    bench.now -= HOUR - 10
    await bench.leader.look()
    assert (await bench.record()).epoch == 2


async def test_arms_of_equal_rates_keep_much_of_their_weight(bench):
    for _ in range(4):
        weights = await bench.hour(600, a=0.1, b=0.1, c=0.1)
    assert max(weights.values()) < 0.9


async def test_a_bandit_stops_moving_when_somebody_else_changes_it(bench):
    record = await bench.record()
    weights = {"a": 0.1, "b": 0.8, "c": 0.1}
    other = read({**bench.definition.document(), "description": "changed"})
    await bench.store.change("e", "me", lambda stored, now: lifecycle.put(stored, other, now))
    stored = await bench.store.read()
    assert lifecycle.move_weights(stored, "e", record.definition, weights, bench.now) is None
    assert lifecycle.move_weights(stored, "e", other, weights, bench.now).after.epoch == 2
    assert lifecycle.move_weights(stored, "gone", other, weights, bench.now) is None


async def test_weights_that_would_hardly_move_stay(bench):
    await bench.hour(3000, a=0.10, b=0.16, c=0.08)
    record = await bench.record()
    sums = await measured(bench.state, record.definition, bench.layout, record.epochs)
    assert next_weights(record.definition, record.definition.bandit, bench.layout, sums, bench.now) is None
