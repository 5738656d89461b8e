"""Who was assigned in earlier epochs, read from a real server and from the fake."""

from dataclasses import replace

import pytest
from state_servers import FLUSH

from gateway.experiments.definition import read
from gateway.experiments.placement import unit_hash
from gateway.experiments.record import Epoch, Record, Stored
from gateway.fakes.state import FakeState
from gateway.measurement.exposures import Exposures
from gateway.measurement.features import Seen
from gateway.measurement.known_units import ASSIGNED, SETTLED_S, KnownFromState
from gateway.measurement.layout import layout_of
from gateway.measurement.names import Names
from gateway.request.placement import Arm

WEIGHTS = [(0.5, 0.5), (0.9, 0.1), (0.2, 0.8)]
DEFINITIONS = [
    read(
        {
            "key": "e",
            "model": "topics",
            "variants": [{"name": "a", "version": 1, "weight": a}, {"name": "b", "version": 2, "weight": b}],
            # a record of more than fifteen numbers has a longer header
            "metrics": [{"name": f"m{i}", "kind": "mean"} for i in range(12)],
        }
    )
    for a, b in WEIGHTS
]
LAYOUT = layout_of(DEFINITIONS[0])


def record(epochs, opened_at=100.0, **fields):
    opened = tuple(Epoch.of(i + 1, i * opened_at, DEFINITIONS[i]) for i in range(epochs))
    return Record(DEFINITIONS[epochs - 1], "running", epochs, epochs, 0.0, 0.0, started_at=1.0, epochs=opened, **fields)


async def expose(state, epoch, variants):
    """Write one request of each unit, with its variant."""
    exposures = Exposures(state, lambda *_: LAYOUT, f"writer {epoch} {len(variants)}", lambda: 1_700_000_000)
    for unit, variant in variants.items():
        exposures.add([Arm("e", variant, epoch, unit_hash(unit), True)], Seen(0.1, items=2**40))
    await exposures.flush()


def looked_up(known, epoch, units):
    table = known.before("e", epoch)
    return {unit: table.code(unit_hash(unit)) for unit in units}


async def test_both_read_who_was_assigned(state):
    await state.run(FLUSH, [], [])
    variants = {f"u{i}": "ab"[i % 3 == 0] for i in range(300)}
    for one in (state, FakeState()):
        await expose(one, 1, variants)
        stored = Stored(1, {"e": record(2)})
        known = KnownFromState(one, lambda stored=stored: stored, lambda: 1000.0)
        assert known.before("e", 2) is None
        await known.read()
        wanted = {unit: 32 + "ab".index(variant) for unit, variant in variants.items()} | {"stranger": None}
        assert looked_up(known, 2, wanted) == wanted
        buckets = [Names.of("e", 1, LAYOUT).units(unit_hash(unit)) for unit in variants]
        reply = await one.run(ASSIGNED, sorted(set(buckets)), [])
        assert len(reply[0].split()) == len(reply[1]) == len(variants)


@pytest.fixture
def fake():
    return FakeState()


async def test_an_epoch_is_read_once_more_when_all_gateways_have_left_it(fake):
    now, stored = 100.5, Stored(1, {"e": record(2)})
    known = KnownFromState(fake, lambda: stored, lambda: now)
    await expose(fake, 1, {"early": "a"})
    await known.read()
    revision = known.revision
    await expose(fake, 1, {"early": "a", "late": "b"})
    await known.read()
    assert (known.revision, looked_up(known, 2, ["late"])) == (revision, {"late": None})
    now += SETTLED_S
    await known.read()
    assert (known.revision, looked_up(known, 2, ["early", "late"])) == (revision + 1, {"early": 32, "late": 33})
    now += 1000
    await known.read()
    assert known.revision == revision + 1


async def test_a_later_epoch_is_known_when_all_before_it_are_read(fake):
    stored = Stored(1, {"e": record(2)})
    known = KnownFromState(fake, lambda: stored, lambda: 1000.0)
    await expose(fake, 1, {"bob": "a"})
    await known.read()
    stored = Stored(2, {"e": record(3)})
    assert known.before("e", 3) is None
    await expose(fake, 2, {"eve": "b"})
    await known.read()
    assert looked_up(known, 3, ["bob", "eve"]) == {"bob": 32, "eve": 65}


async def test_while_state_is_gone_nothing_is_known_and_it_is_tried_again(fake):
    stored = Stored(1, {"e": record(2)})
    known = KnownFromState(fake, lambda: stored, lambda: 1000.0)
    fake.unavailable = True
    await known.read()
    assert known.before("e", 2) is None
    fake.unavailable = False
    await known.read()
    assert known.before("e", 2) is not None


async def test_an_experiment_that_is_made_again_begins_without_a_memory(fake):
    stored = Stored(1, {"e": record(2)})
    known = KnownFromState(fake, lambda: stored, lambda: 1000.0)
    await known.read()
    stored = Stored(2, {"e": replace(record(2), created_at=5.0)})
    assert known.before("e", 2) is None
    await known.read()
    assert known.before("e", 2) is not None
    stored = Stored(3, {})
    await known.read()
    assert "0 units" in repr(known)
