"""What holds of state, on real servers and on the fake alike."""

import asyncio

import pytest

from gateway.errors import StateUnavailable
from gateway.fakes.state import FakeState
from gateway.state.script import Script
from gateway.state.state import NewEntry

NAME, AUDIT = "{experiments}:definitions", "{experiments}:audit"


def line(text=b"ann", max_entries=100, stream=AUDIT):
    return NewEntry(stream, {"actor": text}, max_entries)


async def audited(state):
    return [entry.fields["actor"] for entry in await state.stream_read(AUDIT)]


async def test_fields_of_several_hashes_are_read_at_once(state):
    await state.hash_replace("a", {"x": (None, b"1"), "y": (None, b"\x00\xff")})
    await state.hash_replace("b", {"x": (None, b"")})
    assert await state.hash_get({"a": ["y", "z", "x"], "b": ["x"], "c": ["x"]}) == {"a": [b"\x00\xff", None, b"1"], "b": [b""], "c": [None]}
    assert await state.hash_get({"a": [], "b": ["x"]}) == {"a": [], "b": [b""]}
    assert await state.hash_get({}) == {}
    assert await state.hash_items("a") == {b"x": b"1", b"y": b"\x00\xff"}
    assert await state.hash_items("c") == {}
    assert state.up


async def test_fields_are_replaced_together_or_not_at_all(state):
    assert await state.hash_replace("h", {"x": (None, b"1"), "y": (None, b"2")})
    assert not await state.hash_replace("h", {"x": (b"1", b"3"), "y": (b"other", b"3")})
    assert not await state.hash_replace("h", {"x": (b"1", b"3"), "new": (b"there", b"3")})
    assert await state.hash_items("h") == {b"x": b"1", b"y": b"2"}
    assert await state.hash_replace("h", {"x": (b"1", b"3"), "y": (b"2", b"4")})
    assert await state.hash_items("h") == {b"x": b"3", b"y": b"4"}


async def test_an_empty_value_is_there_and_differs_from_none(state):
    assert await state.hash_replace("h", {"x": (None, b"")})
    assert not await state.hash_replace("h", {"x": (None, b"1")})
    assert await state.hash_replace("h", {"x": (b"", b"1")})


async def test_a_field_is_removed_where_it_is_as_expected(state):
    await state.hash_replace("h", {"x": (None, b"1")})
    assert not await state.hash_replace("h", {"x": (b"2", None)})
    assert await state.hash_replace("h", {"x": (b"1", None)})
    assert await state.hash_items("h") == {}
    assert await state.hash_replace("h", {"x": (None, b"2")})


async def test_of_racing_replacements_one_wins_and_each_change_has_its_line(two):
    async def change(i):
        return await two[i % 2].hash_replace_with_audit(NAME, {"topics": (None, b"%d" % i)}, line(b"%d" % i))

    ids = await asyncio.gather(*(change(i) for i in range(40)))
    [winner] = [i for i, id_ in enumerate(ids) if id_ is not None]
    assert await two[0].hash_items(NAME) == {b"topics": b"%d" % winner}
    assert await audited(two[1]) == [b"%d" % winner]


async def test_racing_clients_lose_no_change(two):
    async def raise_by_one(state):
        while True:
            [[before]] = (await state.hash_get({NAME: ["count"]})).values()
            after = b"%d" % (int(before or 0) + 1)
            if await state.hash_replace_with_audit(NAME, {"count": (before, after)}, line(after)):
                return

    await asyncio.gather(*(raise_by_one(two[i % 2]) for i in range(20)))
    assert await two[0].hash_items(NAME) == {b"count": b"20"}
    assert await audited(two[0]) == [b"%d" % i for i in range(1, 21)]


async def test_what_is_refused_leaves_no_line(state):
    assert await state.hash_replace_with_audit(NAME, {"topics": (b"1", b"2")}, line()) is None
    assert (await state.hash_items(NAME), await audited(state)) == ({}, [])


async def test_the_id_of_a_line_is_that_of_its_entry_and_the_stream_keeps_the_newest(state):
    ids = [await state.hash_replace_with_audit(NAME, {f"f{i}": (None, b"1")}, line(b"%d" % i, max_entries=3)) for i in range(5)]
    assert [entry.id for entry in await state.stream_read(AUDIT)] == ids[2:]
    assert await audited(state) == [b"2", b"3", b"4"]


async def test_what_changes_together_must_lie_in_one_slot(state):
    with pytest.raises(ValueError, match="must lie in one slot"):
        await state.hash_replace_with_audit("definitions", {"x": (None, b"1")}, line(stream="audit"))
    with pytest.raises(ValueError, match="must lie in one slot"):
        await state.hash_add({"a": {"n": 1}, "b": {"n": 1}})
    with pytest.raises(ValueError, match="must lie in one slot"):
        await state.run(Script("return {}", lambda *_: []), ["a", "b"], [])
    assert await state.hash_items("definitions") == {}


@pytest.mark.parametrize("wrong", [NewEntry(AUDIT, {}, 10), NewEntry(AUDIT, {"actor": b"ann"}, 0)], ids=["no fields", "no bound"])
async def test_a_line_that_no_stream_takes_is_refused_before_anything_is_written(state, wrong):
    with pytest.raises(ValueError, match="needs a field"):
        await state.stream_append(wrong)
    with pytest.raises(ValueError, match="needs a field"):
        await state.hash_replace_with_audit(NAME, {"x": (None, b"1")}, wrong)
    assert await state.hash_items(NAME) == {}


async def test_a_stream_is_read_in_pages_from_both_ends(state):
    ids = [await state.stream_append(NewEntry("s", {"n": b"%d" % i}, 100)) for i in range(7)]
    assert await state.stream_read("none") == await state.stream_read_back("none") == []
    first = await state.stream_read("s", count=3)
    assert [(entry.id, entry.fields) for entry in first] == [(ids[i], {"n": b"%d" % i}) for i in range(3)]
    assert [entry.id for entry in await state.stream_read("s", after=first[-1].id)] == ids[3:]
    assert await state.stream_read("s", after=ids[-1]) == []
    last = await state.stream_read_back("s", count=3)
    assert [entry.id for entry in last] == ids[:3:-1]
    assert [entry.id for entry in await state.stream_read_back("s", before=last[-1].id)] == ids[3::-1]
    assert await state.stream_read_back("s", before=ids[0]) == []


async def test_ids_of_entries_grow_and_begin_with_the_time(two):
    appended = [await two[i % 2].stream_append(NewEntry("s", {"n": b"1"}, 100)) for i in range(20)]
    order = [tuple(map(int, id_.split("-"))) for id_ in appended]
    assert order == sorted(set(order))
    assert order[0][0] > 1_700_000_000_000


@pytest.mark.parametrize("text", ["1", "-", "0-", "a-1", "(1-0", "9" * 20 + "-0"])
async def test_what_is_no_id_is_refused_before_the_server_is_asked(state, text):
    with pytest.raises(ValueError, match="no id of an entry"):
        await state.stream_read("s", after=text)
    with pytest.raises(ValueError, match="no id of an entry"):
        await state.stream_read_back("s", before=text)
    assert state.up


async def test_counters_begin_at_zero_and_give_their_sums(state):
    assert await state.hash_add({"{a}:x": {"n": 1, "sum": 0.5}, "{a}:y": {"n": 2}}) == {"{a}:x": {"n": 1, "sum": 0.5}, "{a}:y": {"n": 2}}
    assert await state.hash_add({"{a}:x": {"n": 3, "sum": -0.25}}) == {"{a}:x": {"n": 4, "sum": 0.25}}
    assert await state.hash_get({"{a}:x": ["n", "sum"]}) == {"{a}:x": [b"4", b"0.25"]}
    assert await state.hash_add({}) == {}


async def test_racing_counters_lose_nothing(two):
    await asyncio.gather(*(two[i % 2].hash_add({"c": {"n": i, "share": 0.1}}) for i in range(50)))
    [[n, share]] = (await two[0].hash_get({"c": ["n", "share"]})).values()
    assert (int(n), float(share)) == (sum(range(50)), pytest.approx(5.0))


@pytest.mark.parametrize("amount", [float("nan"), float("inf")])
async def test_an_amount_that_is_no_number_is_refused_and_nothing_is_added(state, amount):
    with pytest.raises(ValueError, match=r"c bad: \w+ cannot be added"):
        await state.hash_add({"c": {"good": 1, "bad": amount}})
    assert (await state.hash_items("c"), state.up) == ({}, True)


async def test_counters_with_a_life_are_forgotten_and_others_are_not(state):
    await state.hash_add({"{c}:kept": {"n": 1}})
    await state.hash_add({"{c}:short": {"n": 1}}, life_s=0.02)
    while await state.hash_items("{c}:short"):  # noqa: ASYNC110 - the server's clock tells nobody
        await asyncio.sleep(0.01)
    assert await state.hash_add({"{c}:short": {"n": 5}, "{c}:kept": {"n": 5}}) == {"{c}:short": {"n": 5}, "{c}:kept": {"n": 6}}


LUA = """
redis.call('HSET', KEYS[1], 'at', ARGV[1])
return {KEYS[1], ARGV[1], 7}
"""


def same_in_python(hashes, keys, arguments, _now_s):
    hashes.setdefault(keys[0], {})["at"] = str(arguments[0]).encode()
    return [keys[0].encode(), str(arguments[0]).encode(), 7]


async def test_an_outage_is_told_by_every_call():
    state = FakeState()
    await state.hash_replace("h", {"x": (None, b"1")})
    state.unavailable = True
    calls = [
        state.hash_get({"h": ["x"]}),
        state.hash_items("h"),
        state.hash_replace("h", {"x": (b"1", b"2")}),
        state.hash_replace_with_audit(NAME, {"x": (None, b"1")}, line()),
        state.hash_add({"c": {"n": 1}}),
        state.stream_append(line()),
        state.stream_read(AUDIT),
        state.stream_read_back(AUDIT),
        state.run(Script(LUA, same_in_python), ["h"], ["now"]),
    ]
    for call in calls:
        with pytest.raises(StateUnavailable, match="cannot be read now"):
            await call
    assert not state.up
    state.unavailable = False
    assert (await state.hash_items("h"), await audited(state), state.up) == ({b"x": b"1"}, [], True)


async def test_a_script_runs_as_often_as_it_is_asked_for(two):
    script = Script(LUA, same_in_python)
    replies = await asyncio.gather(*(two[i % 2].run(script, ["h"], ["now"]) for i in range(6)))
    assert replies == [[b"h", b"now", 7]] * 6
    assert await two[0].hash_items("h") == {b"at": b"now"}
