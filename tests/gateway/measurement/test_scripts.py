"""The scripts in Lua do what their rules in Python do, to the byte."""

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from measured_units import features_of
from state_servers import FLUSH

from gateway.experiments.definition import read
from gateway.fakes.state import FakeState
from gateway.measurement.exact import BASE, LIMIT, parts, whole
from gateway.measurement.exposures import Exposures
from gateway.measurement.features import FEATURES, Seen
from gateway.measurement.layout import layout_of
from gateway.measurement.moments import MOMENTS, Moments
from gateway.measurement.names import BUCKETS, Names, unit_field
from gateway.measurement.outcomes import Outcome, Outcomes
from gateway.measurement.packing import pack, unpack
from gateway.request.placement import Arm
from gateway.state.slots import slot_of

LAYOUT = layout_of(
    read(
        {
            "key": "topics",
            "model": "topics",
            "variants": [{"name": "control", "version": 1, "weight": 0.5}, {"name": "treatment", "version": 2, "weight": 0.5}],
            "metrics": [
                {"name": "spent", "kind": "ratio", "denominator": "visits", "covariate": "spent_before", "cap": 2e6, "window": "1h"},
                {"name": "click", "kind": "binary"},
            ],
        }
    )
)
NAMES = Names.of("topics", 1, LAYOUT)
T0 = 1_700_000_000
hashes = st.binary(min_size=8, max_size=8)
values = st.floats(-1e6, 1e6).map(lambda value: round(value, 6))
events = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["spent", "visits", "click", "spent_before"]), values, st.integers(-60, 7200))
)


async def kept(state, units):
    """All that a state keeps of the epoch, apart from the keys of outcomes."""
    names = {NAMES.sums, NAMES.writers, *map(NAMES.units, units)}
    return {name: await state.hash_items(name) for name in names}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(units=st.lists(hashes, min_size=4, max_size=4), events=events, requests=st.lists(st.integers(0, 3)), triton_s=st.floats(0, 1e6))
@example(
    units=[bytes(8), b"\xff" * 8, b"\x80" + bytes(7), bytes(7) + b"\x01"],
    events=[(0, "spent", -1e6, 0)] * 70,
    requests=[0, 1],
    triton_s=1e6,
)
async def test_both_keep_the_same_bytes(state, units, events, requests, triton_s):
    await state.run(FLUSH, [], [])
    fake = FakeState(lambda: T0)
    for one in (state, fake):
        exposures = Exposures(one, lambda *_: LAYOUT, "writer", lambda: T0)
        for i, name in enumerate(units):
            exposures.add([Arm("topics", ("control", "treatment")[i % 2], 1, name, True)], Seen(0.1))
        for i in requests:
            seen = Seen(0.1, items=i, computed=1, triton_s=triton_s, bypass=i == 1)
            exposures.add([Arm("topics", ("control", "treatment")[i % 2], 1, units[i], i < 3)], seen)
        await exposures.flush()
        outcomes = Outcomes(one, lambda: {("topics", 1): LAYOUT}, lambda: T0)
        for n, (i, metric, value, age) in enumerate(events):
            await outcomes.add([Outcome(units[i], metric, value, f"key {n}", T0 + age)])
    assert await kept(state, units) == await kept(fake, units)


@given(numbers=st.lists(st.integers(-(2**102), 2**102)))
def test_parts_make_the_whole_again_and_a_double_holds_each(numbers):
    split = list(parts(numbers))
    assert list(whole(split)) == numbers
    assert all(int(float(part)) == part for part in split)
    assert all(0 <= low < BASE for low in split[::2])


@given(numbers=st.lists(st.integers(-(2**63), 2**64 - 1), min_size=1, max_size=30))
def test_what_is_packed_comes_back(numbers):
    assert unpack(pack(numbers), len(numbers)) == numbers


def test_zeros_at_the_end_take_no_room():
    assert (pack([0, 0, 0]), pack([1, 0, 2, 0])) == (b"\x91\x00", b"\x93\x01\x00\x02")
    assert unpack(b"\x91\x07", 3) == [7, 0, 0]


@given(st.lists(st.integers(-(LIMIT**2), LIMIT**2), min_size=MOMENTS, max_size=MOMENTS))
def test_moments_are_kept_whole(numbers):
    given = Moments(abs(numbers[0]) % 2**40, *numbers[1:])
    assert Moments.unpacked(given.packed()) == given


@given(hashes)
def test_a_units_place_is_a_whole_number_in_one_of_the_buckets(unit_hash):
    assert -(2**63) <= int(unit_field(unit_hash)) < 2**63
    assert NAMES.units(unit_hash) in {NAMES.bucket(number) for number in (int.from_bytes(unit_hash[:2]) % BUCKETS,)}


def test_all_keys_of_an_experiment_lie_in_one_slot():
    names = {NAMES.sums, NAMES.writers, NAMES.bucket(7), NAMES.key_bucket(1, 2), Names.of("topics", 2, LAYOUT).sums}
    assert len(names) == 5
    assert len({slot_of(name) for name in names}) == 1


def test_features_stand_in_the_order_of_their_names():
    seen = Seen(0.7, items=5, hits=2, computed=3, triton_s=0.25, slow=True, error=True, shed=False, fallback=True, bypass=True)
    found = dict(zip([*FEATURES, "over 0.5 s", "over 0.9 s"], features_of(seen, (0.5, 0.9)), strict=True))
    assert found == {
        "requests": 1,
        "slow": 1,
        "items": 5,
        "computed": 3,
        "triton_seconds": 250_000,
        "errors": 1,
        "sheds": 0,
        "fallbacks": 1,
        "hits": 2,
        "bypass_requests": 1,
        "bypass_slow": 1,
        "bypass_items": 5,
        "bypass_computed": 3,
        "bypass_triton_seconds": 250_000,
        "shadowed": 0,
        "differing": 0,
        "over 0.5 s": 1,
        "over 0.9 s": 0,
    }
