"""Records and running sums: laws that hold on the fake and on real servers alike."""

import asyncio
from collections import Counter
from hashlib import blake2b

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain_units import PlainUnits, moments
from state_servers import FLUSH

from gateway.errors import StateUnavailable
from gateway.experiments.definition import read
from gateway.fakes.state import FakeState
from gateway.measurement.check import check
from gateway.measurement.exposures import Exposures
from gateway.measurement.features import Seen
from gateway.measurement.forget import forget
from gateway.measurement.layout import MILLIONTHS, layout_of
from gateway.measurement.names import Names
from gateway.measurement.outcomes import Counted, Outcome, Outcomes
from gateway.measurement.running_sums import read_sums
from gateway.request.placement import Arm

VARIANTS = ("control", "treatment")
T0, WINDOW_S = 1_700_000_000, 3_600
METRICS = [
    {"name": "click", "kind": "binary", "window": WINDOW_S},
    {"name": "spent", "kind": "mean", "cap": 5.5, "covariate": "spent_before"},
    {"name": "rating", "kind": "ratio"},
    {"name": "spent_each", "kind": "ratio", "denominator": "requests"},
    {"name": "long", "kind": "share-over-threshold", "threshold": 2.5},
    {"name": "errors", "kind": "ratio", "source": "request", "direction": "decrease", "goal": False, "margin": 0.01},
    {"name": "latency", "kind": "share-over-threshold", "source": "request", "threshold": 0.5},
    {"name": "requests", "kind": "mean", "source": "request", "window": WINDOW_S},
]
DEFINITION = {
    "key": "topics",
    "model": "topics",
    "variants": [{"name": name, "version": i + 1, "weight": 0.5} for i, name in enumerate(VARIANTS)],
    "metrics": METRICS,
}
LAYOUT = layout_of(read(DEFINITION))
NAMES = Names.of("topics", 1, LAYOUT)
SCALES = {one.name: one.scales for one in LAYOUT.metrics}


def hash_of(unit):
    return blake2b(unit.encode(), digest_size=8).digest()


def arm(unit, variant, *, identified=True, epoch=1):
    return Arm("topics", variant, epoch, hash_of(unit), identified)


class Bench:
    """Writers of exposures and outcomes on one state, and a clock that they share."""

    def __init__(self, state, layouts=None, writers=2):
        self.state, self.now = state, T0
        self._layouts = {("topics", 1): LAYOUT} if layouts is None else layouts
        self.writers = [self.writer(f"writer{i}") for i in range(writers)]
        self.outcomes = Outcomes(state, lambda: self._layouts, lambda: self.now)

    def writer(self, name, **options):
        return Exposures(self.state, lambda key, epoch: self._layouts.get((key, epoch)), name, lambda: self.now, **options)

    async def flush(self):
        for writer in self.writers:
            await writer.flush()

    async def sums(self):
        return await read_sums(self.state, NAMES, LAYOUT)


units = st.sampled_from([f"unit{i}" for i in range(12)])
thousandths = st.integers(-(10**9), 10**9).map(lambda n: n / 1e3)
amounts = st.one_of(st.sampled_from([0, 1, 5.5, 1_000_000, -1_000_000, 0.000001, 999_999.999999]), thousandths)
exposing = st.tuples(
    st.just("expose"),
    units,
    st.integers(0, 1),
    st.fixed_dictionaries({"latency_s": st.sampled_from([0.1, 0.5, 2.0]), "error": st.booleans(), "items": st.integers(0, 3)}),
)
posting = st.tuples(
    st.just("outcome"),
    units,
    st.sampled_from(["click", "spent", "rating", "spent_each", "long", "spent_before", "other"]),
    amounts,
    st.integers(0, 60),
    st.integers(-WINDOW_S, 2 * WINDOW_S),
)
waiting = st.tuples(st.just("wait"), st.integers(1, WINDOW_S))
histories = st.lists(st.one_of(exposing, posting, waiting), max_size=40)


async def play(bench, plain, history):
    """Let a history happen; a unit's variant is fixed by its name, as assignment does."""
    for kind, *event in history:
        if kind == "wait":
            bench.now += event[0]
        elif kind == "expose":
            unit, writer, seen = event
            variant = VARIANTS[hash_of(unit)[0] % 2]
            bench.writers[writer].add([arm(unit, variant)], Seen(**seen))
            await bench.flush()
            plain.expose(unit, variant, bench.now, **seen)
        else:
            unit, metric, value, key, age = event
            at = bench.now + age
            await bench.outcomes.add([Outcome(hash_of(unit), metric, value, f"key{key}", at)])
            if metric != "other":
                plain.outcome(unit, metric, value, f"key{key}", at)


def rows(plain, name, unit):
    """A unit's (x, y, z) under a declared metric, made of its events."""
    if name == "click":
        return int(any(plain.values(unit, "click", WINDOW_S))), 0, 0
    if name == "spent":
        return min(sum(plain.values(unit, "spent")), 11 / 2), 0, sum(plain.before(unit, "spent_before"))
    if name == "rating":
        return sum(plain.values(unit, "rating")), len(plain.values(unit, "rating")), 0
    if name == "spent_each":
        return sum(plain.values(unit, "spent_each")), len(plain.requests[unit]), 0
    if name == "long":
        return int(any(value > 2.5 for value in plain.values(unit, "long"))), 0, 0
    if name == "errors":
        return plain.total(unit, "error"), len(plain.requests[unit]), 0
    return int(any(seen["latency_s"] > 0.5 for seen in plain.requests[unit])), 0, 0


def expected(plain, name, variant):
    scale_x, scale_y, scale_z = SCALES[name]
    scaled = [(x * scale_x, y * scale_y, z * scale_z) for x, y, z in (rows(plain, name, unit) for unit in plain.of(variant))]
    return moments(scaled)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(history=histories)
async def test_sums_are_those_of_the_events_summed_anew(state, history):
    await state.run(FLUSH, [], [])
    bench, plain = Bench(state), PlainUnits()
    await play(bench, plain, history)
    sums = await bench.sums()
    far = bench.now + 10 * WINDOW_S + 2 * LAYOUT.cohort_s
    for i, variant in enumerate(VARIANTS):
        assert sums.units(i) == len(plain.of(variant))
        for name in ("click", "spent", "rating", "spent_each", "long", "errors", "latency"):
            counted, found = sums.metric(i, name, far)
            assert (counted, tuple(found)) == (len(plain.of(variant)), expected(plain, name, variant)), name
    assert (await check(state, NAMES, LAYOUT)).differing == {}


def seen(**given):
    return Seen(**{"latency_s": 0.1, **given})


async def exposed(bench, *names, variant="control"):
    bench.writers[0].add([arm(name, variant) for name in names], seen())
    await bench.flush()


async def test_a_unit_counts_once_however_many_writers_see_it(state):
    bench = Bench(state)
    for writer in bench.writers * 3:
        writer.add([arm("ann", "treatment")], seen(items=2))
        await writer.flush()
    sums = await bench.sums()
    units, requests = sums.feature(1, "requests")
    assert (sums.units(0), units, requests.x, requests.xx) == (0, 1, 6, 36)
    assert sums.feature(1, "items")[1].xy == 12 * 6


async def test_the_same_key_again_changes_nothing(state):
    bench = Bench(state)
    await exposed(bench, "ann", "bob")
    posted = [Outcome(hash_of(name), "spent", 2.0, f"{name} 1", T0) for name in ("ann", "bob")]
    assert await bench.outcomes.add(posted) == Counted(2, 0)
    before = await bench.sums()
    assert await bench.outcomes.add(posted) == Counted(0, 2)
    assert await bench.outcomes.add([posted[0]._replace(value=3.0), posted[1]._replace(key="bob 2")]) == Counted(1, 1)
    assert before.metric(0, "spent", T0)[1].x == 4 * MILLIONTHS
    assert (await bench.sums()).metric(0, "spent", T0)[1].x == 6 * MILLIONTHS


async def test_a_key_twice_in_one_batch_counts_once(state):
    bench = Bench(state)
    await exposed(bench, "ann")
    assert await bench.outcomes.add([Outcome(hash_of("ann"), "spent", 2.0, "1", T0)] * 3) == Counted(1, 2)


async def test_an_outcome_of_a_unit_that_is_not_known_may_come_again(state):
    bench = Bench(state)
    posted = [Outcome(hash_of("ann"), "click", 1.0, "1", T0)]
    assert await bench.outcomes.add(posted) == Counted(0, 0)
    await exposed(bench, "ann")
    assert await bench.outcomes.add(posted) == Counted(1, 0)


async def test_keys_are_known_for_a_month_and_may_then_come_again(state):
    bench = Bench(state)
    await exposed(bench, "ann")
    posted, found = [Outcome(hash_of("ann"), "spent", 1.0, "1", T0)], []
    for _ in range(3):
        found.append(await bench.outcomes.add(posted))
        bench.now += 30 * 86_400
    assert found == [Counted(1, 0), Counted(0, 1), Counted(1, 0)]


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(order=st.permutations(range(8)))
async def test_late_outcomes_give_the_same_sums_in_any_order(state, order):
    await state.run(FLUSH, [], [])
    bench = Bench(state)
    await exposed(bench, "ann", "bob")
    bench.now += 10 * WINDOW_S
    posted = [
        Outcome(hash_of(("ann", "bob")[i % 2]), ("click", "spent")[i // 4], 0.1 + i / 3, str(i), T0 + i * WINDOW_S // 4) for i in range(8)
    ]
    for i in order:
        await bench.outcomes.add([posted[i]])
    sums = await bench.sums()
    # the outcomes 0 to 3 are clicks, all within the window
    assert tuple(sums.metric(0, "click", bench.now)[1])[:3] == (2, 2, 2)
    amounts = [[round(10**6 * (0.1 + i / 3)) for i in range(8) if i >= 4 and i % 2 == who] for who in (0, 1)]
    assert sums.metric(0, "spent", bench.now)[1].x == sum(min(sum(of_unit), 5_500_000) for of_unit in amounts)


async def test_units_count_in_a_metric_with_a_window_once_they_have_matured(state):
    bench = Bench(state)
    await exposed(bench, "ann")
    bench.now += WINDOW_S
    await exposed(bench, "bob")
    await bench.outcomes.add([Outcome(hash_of(name), "click", 1.0, name, bench.now) for name in ("ann", "bob")])
    sums = await bench.sums()
    matured_at = (T0 // LAYOUT.cohort_s + 1) * LAYOUT.cohort_s + WINDOW_S
    counts = [sums.metric(0, "click", now)[0] for now in (matured_at - 1, matured_at, matured_at + WINDOW_S)]
    assert counts == [0, 1, 2]
    assert sums.metric(0, "click", matured_at)[1].events == 1
    assert sums.metric(0, "spent", T0)[0] == 2  # has no window


async def test_requests_count_in_a_metric_with_a_window_while_it_is_open(state):
    bench = Bench(state)
    for _ in range(3):
        await exposed(bench, "ann")
        bench.now += WINDOW_S
    sums = await bench.sums()
    assert sums.metric(0, "requests", bench.now + 10 * WINDOW_S)[1].x == 2
    assert sums.feature(0, "requests")[1].x == 3


async def test_anonymous_units_have_no_record_and_sums_of_their_own(state):
    bench = Bench(state)
    for i in range(3):
        bench.writers[i % 2].add([arm(f"{i}", "treatment", identified=False)], seen(error=i == 0, items=2))
    await bench.flush()
    sums = await bench.sums()
    assert (sums.units(1), sums.anonymous(1)) == (0, 3)
    assert sums.feature(1, "items", anonymous=True)[1].xx == 12
    assert sums.feature(1, "errors", anonymous=True)[1].x == 1
    checked = await check(state, NAMES, LAYOUT)
    assert (checked.units, checked.differing) == (0, {})


async def test_the_bypass_sample_is_counted_apart(state):
    bench = Bench(state)
    for bypass in (True, False, False):
        bench.writers[0].add([arm("ann", "control")], seen(items=1, computed=int(bypass), triton_s=0.25 * bypass, bypass=bypass))
    await bench.flush()
    sums = await bench.sums()
    found = {name: sums.feature(0, name)[1] for name in ("requests", "bypass_requests", "triton_seconds", "bypass_triton_seconds")}
    assert {name: one.x for name, one in found.items()} == {
        "requests": 3,
        "bypass_requests": 1,
        "triton_seconds": 250_000,
        "bypass_triton_seconds": 250_000,
    }
    assert (found["triton_seconds"].y, found["bypass_triton_seconds"].y) == (1, 1)  # computed items


async def test_a_batch_that_was_written_unnoticed_is_not_written_twice(state):
    class Forgetful:
        """Loses the replies: what was written is not known to be."""

        def __init__(self):
            self.lost = 1

        async def run(self, *given, **options):
            reply = await state.run(*given, **options)
            if self.lost:
                self.lost -= 1
                raise StateUnavailable("lost")
            return reply

    bench = Bench(state)
    bench.writers = [Exposures(Forgetful(), lambda *_: LAYOUT, "writer", lambda: bench.now)]
    for _ in range(3):
        await exposed(bench, "ann")
    sums = await bench.sums()
    assert (sums.units(0), sums.feature(0, "requests")[1].x) == (1, 3)


async def test_while_state_is_gone_exposures_wait_up_to_a_bound_and_are_then_dropped_and_counted():
    state = FakeState()
    bench = Bench(state, writers=0)
    bench.writers = [bench.writer("writer", max_units=3)]
    state.unavailable = True
    await exposed(bench, *"abcde")
    await exposed(bench, *"abcde")  # the first three wait in a sealed batch already
    state.unavailable = False
    await bench.flush()
    await exposed(bench, *"abcde")
    sums = await bench.sums()
    assert (sums.units(0), sums.dropped) == (3, 9)
    assert (await check(state, NAMES, LAYOUT)).differing == {}


async def test_units_that_come_again_while_state_is_gone_take_no_more_room():
    state = FakeState()
    bench = Bench(state, writers=1)
    await exposed(bench, "ann")
    state.unavailable = True
    for _ in range(50):
        await exposed(bench, "bob", "carl")
    state.unavailable = False
    await bench.flush()
    sums = await bench.sums()
    assert (sums.units(0), sums.feature(0, "requests")[1].x, sums.dropped) == (3, 101, 0)


async def test_nothing_is_counted_for_experiments_and_variants_that_are_not_there(state):
    bench = Bench(state)
    for one in (arm("ann", "third"), arm("ann", "control", epoch=2), Arm("other", "control", 1, hash_of("ann"), True)):
        bench.writers[0].add([one], seen())
    await bench.flush()
    assert await state.hash_items(NAMES.sums) == {}


async def test_a_writer_that_looks_an_experiment_up_anew_goes_on_with_its_numbers(state):
    layouts = {("topics", 1): LAYOUT}
    bench = Bench(state, layouts)
    await exposed(bench, "ann")
    layouts.clear()
    await bench.flush()
    await exposed(bench, "bob")  # counts nowhere
    layouts["topics", 1] = LAYOUT
    await bench.flush()
    await exposed(bench, "carl")
    assert (await bench.sums()).units(0) == 2


async def test_writers_may_write_at_the_same_time(state):
    bench = Bench(state, writers=8)
    for i in range(40):
        for writer in bench.writers:
            writer.add([arm(f"unit{i % 7}", VARIANTS[i % 7 % 2])], seen())
        if i % 5 == 0:
            await asyncio.gather(*(writer.flush() for writer in bench.writers))
    await asyncio.gather(*(writer.flush() for writer in bench.writers))
    sums = await bench.sums()
    requests = Counter(VARIANTS[i % 7 % 2] for i in range(40))
    assert [sums.feature(i, "requests")[1].x for i in range(2)] == [8 * requests[name] for name in VARIANTS]
    assert (sums.units(0), sums.units(1)) == (4, 3)


async def test_a_check_finds_sums_that_are_wrong(state):
    bench = Bench(state)
    await exposed(bench, "ann", "bob")
    checked = await check(state, NAMES, LAYOUT)
    assert (checked.units, checked.differing, checked.moved) == (2, {}, False)
    assert "bit for bit" in checked.sentence
    kept = await state.hash_items(NAMES.sums)
    await state.hash_replace(NAMES.sums, {"0:0": (kept[b"0:0"], b"\x91\x01")})
    checked = await check(state, NAMES, LAYOUT)
    assert list(checked.differing) == ["0:0"]
    assert "1 sums are not those of the 2 units' records: 0:0" in checked.sentence


async def test_what_is_forgotten_leaves_nothing_and_other_epochs_stay(state):
    bench = Bench(state, {("topics", epoch): LAYOUT for epoch in (1, 2)})
    for epoch in (1, 2):
        bench.writers[0].add([arm("ann", "control", epoch=epoch)], seen())
    await bench.flush()
    await bench.outcomes.add([Outcome(hash_of("ann"), "click", 1.0, "1", T0)])
    await forget(state, NAMES, bench.now)
    assert (await bench.sums()).fields == {}
    assert (await check(state, NAMES, LAYOUT)).units == 0
    second = Names.of("topics", 2, LAYOUT)
    assert (await read_sums(state, second, LAYOUT)).units(0) == 1
    assert (await check(state, second, LAYOUT)).units == 1


async def test_exposures_of_other_variants_in_the_same_epoch_are_not_mixed_with_the_first_ones(state):
    bench = Bench(state)
    await exposed(bench, "ann")
    turned = layout_of(read(DEFINITION | {"variants": DEFINITION["variants"][::-1]}))
    bench.writers = [Exposures(state, lambda *_: turned, "other", lambda: bench.now)]
    await exposed(bench, "bob", variant="treatment")
    sums = await bench.sums()
    assert (sums.variants, sums.units(0), sums.units(1)) == (VARIANTS, 1, 0)
