"""What a gateway knows of experiments in state, and goes on with while state is gone."""

import asyncio
import stat

import pytest

from gateway.experiments.definition import read
from gateway.experiments.kept import KeptCopy
from gateway.experiments.lifecycle import put, start
from gateway.experiments.store import ExperimentStore
from gateway.experiments.watch import StateExperiments
from gateway.fakes.state import FakeState

ARMS = [{"name": "a", "model": "topics", "version": 1, "weight": 0.5}, {"name": "b", "model": "topics", "version": 2, "weight": 0.5}]
DEFINITION = read({"key": "lora", "variants": ARMS, "forced_variants": {"ann": "b"}})


@pytest.fixture
def state():
    return FakeState()


@pytest.fixture
def store(state):
    return ExperimentStore(state, lambda: 5.0)


async def running(store):
    """What is stored after an experiment was made and started."""
    await store.change("lora", "ann", lambda stored, now: put(stored, DEFINITION, now))
    return (await store.change("lora", "ann", lambda stored, now: start(stored, "lora", now)))[1]


def watched(store, path=None, server="redis://state"):
    return StateExperiments(store, KeptCopy(path, server))


async def test_a_change_of_another_gateway_is_seen_at_the_next_look(store):
    watch = watched(store)
    await watch.start()
    assert (watch.current.records, watch.fault) == ({}, None)
    stored = await running(store)
    await watch.refresh()
    assert watch.current == stored


async def test_what_was_read_last_stays_while_state_is_gone(state, store):
    watch = watched(store)
    stored = await running(store)
    await watch.start()
    state.unavailable = True
    await watch.refresh()
    assert (watch.current, "as they were read last" in watch.fault) == (stored, True)
    state.unavailable = False
    await watch.refresh()
    assert watch.fault is None


async def test_a_gateway_that_starts_without_state_has_the_copy_on_disk(state, store, tmp_path):
    path = tmp_path / "made/experiments.json"
    first = watched(store, path)
    stored = await running(store)
    await first.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    state.unavailable = True
    second = watched(store, path)
    await second.start()
    assert (second.current, "the copy on disk, at revision 2" in second.fault) == (stored, True)
    state.unavailable = False
    await second.refresh()
    assert (second.current, second.fault) == (stored, None)


@pytest.mark.parametrize("kept", ["nothing", "no JSON", "another server's", "a later release's"])
async def test_a_gateway_that_starts_with_neither_state_nor_a_copy_says_so(state, store, tmp_path, kept):
    path = tmp_path / "experiments.json"
    if kept == "no JSON":
        path.write_text("{")
    elif kept == "another server's":
        KeptCopy(path, "redis://other").write(await running(store))
    elif kept == "a later release's":
        path.write_text('{"server": "redis://state", "stored": {"revision": 1, "records": [{}], "defaults": {}}}')
    state.unavailable = True
    watch = watched(store, path)
    await watch.start()
    assert (watch.current.records, "no copy of its experiments is kept on disk" in watch.fault) == ({}, True)


async def test_a_copy_that_cannot_be_written_stops_nothing(store, tmp_path):
    (tmp_path / "file").write_text("")
    watch = watched(store, tmp_path / "file/experiments.json")
    await watch.start()
    stored = await running(store)
    await watch.refresh()
    assert (watch.current, watch.fault) == (stored, None)


async def test_what_was_read_before_a_change_of_our_own_does_not_take_its_place(state, store):
    watch = watched(store)
    await watch.start()
    # a look is under way, and has read the revision before the change
    look = asyncio.create_task(watch.refresh())
    await asyncio.sleep(0)
    stored = await running(store)
    await asyncio.gather(look, watch.changed(stored))
    assert watch.current == stored


async def test_a_record_of_a_later_release_is_left_alone_and_others_are_read(state, store):
    stored = await running(store)
    await state.hash_replace("{headrace:experiments}", {"experiment:newer": (None, b'{"shape": 2}'), "revision": (b"2", b"3")})
    found = await store.read()
    assert (dict(found.records), found.unreadable) == (dict(stored.records), ("newer",))
    with pytest.raises(Exception, match="experiment newer was written by a later release"):
        await store.change("newer", "ann", lambda stored, now: start(stored, "newer", now))
