"""Leaders: one of them moves ramps by what was measured, and nobody moves one twice."""

import random
from hashlib import blake2b

import pytest

from gateway.evaluation import history
from gateway.evaluation.leader import BY, LEASE_S, Leader
from gateway.evaluation.looks import results_of
from gateway.experiments import lifecycle
from gateway.experiments.definition import read
from gateway.experiments.store import ExperimentStore
from gateway.fakes.state import FakeState
from gateway.measurement.exposures import Exposures
from gateway.measurement.features import Seen
from gateway.measurement.layout import layout_of
from gateway.request.placement import Arm

ARMS = [{"name": name, "model": "topics", "version": version, "weight": 0.5} for version, name in enumerate(("control", "treatment"), 1)]
STEPS = [{"coverage": 0.1, "minimum_units": 100}, {"coverage": 0.5}, {"coverage": 1.0}]
SLOW = {
    "name": "slow",
    "kind": "share-over-threshold",
    "source": "request",
    "direction": "decrease",
    "goal": False,
    "margin": 0.2,
    "threshold": 0.5,
}


class Bench:
    """A state with one experiment under way, its traffic, and leaders."""

    def __init__(self):
        self.now, self.state = 1_700_000_000.0, FakeState(clock=lambda: self.now)
        self.store = ExperimentStore(self.state, lambda: self.now)
        self.chance, self._units = random.Random(3), 0

    async def start(self, **more):
        definition = read({"key": "lora", "variants": ARMS, "ramp": {"steps": STEPS}, **more})
        await self.store.change("lora", "me", lambda stored, now: lifecycle.put(stored, definition, now))
        await self.store.change("lora", "me", lambda stored, now: lifecycle.start(stored, "lora", now))
        layout = layout_of(definition)
        self._exposures = Exposures(self.state, lambda *_: layout, "writer", lambda: self.now)

    async def traffic(self, units, *, errors=0.0, late=0.0):
        """So many units of each arm ask once; errors and late answers are the treatment's."""
        for i in range(2 * units):
            treated = i % 2 == 1
            self._units += 1
            name = blake2b(b"%d" % self._units, digest_size=8).digest()
            seen = Seen(0.9 if treated and self.chance.random() < late else 0.1, error=treated and self.chance.random() < errors)
            self._exposures.add([Arm("lora", ("control", "treatment")[treated], 1, name, True)], seen)
        await self._exposures.flush()

    def leader(self, token):
        return Leader(self.state, self.store, token, lambda: self.now)

    async def record(self):
        return (await self.store.read()).records["lora"]

    async def moves(self):
        return [(event.action, event.by) for event in await self.store.events("lora") if event.by == BY]


@pytest.fixture
async def bench():
    return Bench()


async def test_a_good_version_reaches_all_units_step_by_step(bench):
    await bench.start()
    leader = bench.leader("one")
    await leader.look()
    assert (await bench.record()).coverage == 0.1
    for coverage in (0.5, 1.0):
        await bench.traffic(1500)
        await leader.look()
        assert (await bench.record()).coverage == coverage
    await leader.look()
    record = await bench.record()
    assert (record.ramp.phase, record.coverage, record.epoch) == ("done", 1.0, 1)
    assert await bench.moves() == [("ramp step", BY), ("ramp step", BY), ("ramp done", BY)]
    assert (await results_of(bench.state, record, bench.now)).ramp == "all steps are done; guardrails go on being watched"


async def test_a_version_that_errs_is_taken_back_and_the_events_say_why(bench):
    await bench.start()
    await bench.traffic(300, errors=0.1)
    await bench.leader("one").look()
    record = await bench.record()
    assert (record.ramp.phase, record.coverage, record.status) == ("rolled back", 0.0, "running")
    assert record.ramp.reason.startswith("units_with_errors: treatment is harmful: the harm is at least ")
    assert await bench.moves() == [("ramp rolled back", BY)]


async def test_a_version_that_is_slow_is_taken_back_by_its_guardrail(bench):
    await bench.start(metrics=[SLOW])
    await bench.traffic(300, late=0.6)
    await bench.leader("one").look()
    assert (await bench.record()).ramp.reason.startswith("slow: treatment is harmful")


async def test_a_ramp_waits_while_not_enough_is_known(bench):
    await bench.start()
    await bench.traffic(120)
    await bench.leader("one").look()
    record = await bench.record()
    assert record.coverage == 0.1
    said = (await results_of(bench.state, record, bench.now)).document()["ramp"]
    assert said.startswith("step 1 of 3, 10%: units_with_errors: treatment: not enough is known; about ")
    assert await bench.moves() == []


async def test_one_leads_and_another_takes_over_when_it_dies(bench):
    await bench.start()
    first, second = bench.leader("one"), bench.leader("two")
    await bench.traffic(1500)
    await first.look()
    await second.look()
    assert (repr(first), repr(second)) == ("<Leader leads>", "<Leader waits>")
    assert (await bench.record()).ramp.step == 1
    bench.now += LEASE_S + 0.1  # the first one is dead
    await bench.traffic(1500)
    await second.look()
    assert repr(second) == "<Leader leads>"
    assert (await bench.record()).ramp.step == 2


async def test_a_leader_that_gives_up_is_followed_at_once(bench):
    await bench.start()
    first, second = bench.leader("one"), bench.leader("two")
    await first.look()
    await first.give_up()
    await second.look()
    assert (repr(first), repr(second)) == ("<Leader waits>", "<Leader leads>")


async def test_a_ramp_is_not_moved_from_where_it_no_longer_is(bench):
    """A leader was stopped between its look and its change, and another has moved the ramp."""
    await bench.start()
    record = await bench.record()
    stored = await bench.store.read()
    await bench.traffic(1500)
    await bench.leader("one").look()
    moved = (await bench.record()).ramp
    assert lifecycle.move_ramp(stored, "lora", record.ramp, moved) is not None
    assert lifecycle.move_ramp(await bench.store.read(), "lora", record.ramp, moved) is None


async def test_without_state_nobody_leads(bench):
    await bench.start()
    leader = bench.leader("one")
    await leader.look()
    bench.state.unavailable = True
    await leader.look()
    assert repr(leader) == "<Leader waits>"


async def test_a_paused_experiment_is_not_moved(bench):
    await bench.start()
    await bench.traffic(1500)
    await bench.store.change("lora", "me", lambda stored, _now: lifecycle.pause(stored, "lora"))
    await bench.leader("one").look()
    assert (await bench.record()).ramp.step == 0


async def test_a_step_is_approved_once(bench):
    steps = [{"coverage": 0.1, "approval": True}, {"coverage": 1.0}]
    await bench.start(ramp={"steps": steps})
    await bench.traffic(1500)
    leader = bench.leader("one")
    await leader.look()
    assert (await bench.record()).coverage == 0.1
    await bench.store.change("lora", "me", lambda stored, _now: lifecycle.approve(stored, "lora"))
    with pytest.raises(Exception, match="approved already"):
        lifecycle.approve(await bench.store.read(), "lora")
    await leader.look()
    assert (await bench.record()).coverage == 1.0
    with pytest.raises(Exception, match="no step now that asks for approval"):
        lifecycle.approve(await bench.store.read(), "lora")


async def test_looks_are_kept_of_every_experiment_that_runs(bench):
    await bench.start()
    await bench.traffic(600)
    leader = bench.leader("one")
    for _ in range(5):
        await leader.look()
        bench.now += 4
    looks = await history.kept(bench.state, "lora")
    assert [look.units for look in looks] == [1200, 1200]
    assert looks[1].at - looks[0].at >= history.LEAST_INTERVAL_S
    # who leads next goes on from there
    await leader.give_up()
    await bench.leader("two").look()
    assert len(await history.kept(bench.state, "lora")) == 2


async def test_a_fault_of_one_experiment_does_not_keep_a_ramp_from_being_taken_back(bench, monkeypatch):
    await bench.start()
    await bench.traffic(300, errors=0.1)
    broken = read({"key": "broken", "variants": ARMS})
    await bench.store.change("broken", "me", lambda stored, now: lifecycle.put(stored, broken, now))
    await bench.store.change("broken", "me", lambda stored, now: lifecycle.start(stored, "broken", now))
    keep = history.keep

    async def keep_or_fail(state, key, look):
        if key == "broken":
            raise ZeroDivisionError
        await keep(state, key, look)

    monkeypatch.setattr(history, "keep", keep_or_fail)
    leader = bench.leader("one")
    await leader.look()
    await leader.look()
    assert (await bench.record()).ramp.phase == "rolled back"
