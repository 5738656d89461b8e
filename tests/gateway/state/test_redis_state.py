"""What only a server shows: time limits, the rest after a fault, and connections."""

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from gateway.embedded.valkey import Valkey
from gateway.errors import StateUnavailable
from gateway.state.redis_state import MAX_CONNECTIONS, RedisState
from gateway.state.script import Script
from gateway.state.state import NewEntry

pytestmark = pytest.mark.integration


@pytest.fixture
async def state(urls):
    state = RedisState(urls("valkey"), timeout_s=5.0)
    yield state
    await state.aclose()


@pytest.fixture
async def client(urls):
    """The library's own client of the same server."""
    async with Redis.from_url(urls("valkey")) as client:
        yield client


async def test_more_callers_than_connections_wait_for_their_turn(state):
    asked = [state.hash_get({"h": ["f"]}) for _ in range(4 * MAX_CONNECTIONS)]
    assert await asyncio.gather(*asked) == [{"h": [None]}] * len(asked)
    assert state.up


async def test_a_server_that_is_gone_is_asked_again_only_after_a_rest():
    state = RedisState("unix:///nowhere.sock", timeout_s=5.0)
    with pytest.raises(StateUnavailable, match="cannot be read now") as first:
        await state.hash_items("h")
    with pytest.raises(StateUnavailable, match="cannot be read now") as second:
        await state.hash_items("h")
    assert (first.value.status, state.up) == (503, False)
    # only the first one asked the server
    assert (first.value.__cause__ is None, second.value.__cause__ is None) == (False, True)
    await state.aclose()


async def test_a_server_that_does_not_answer_is_given_up_in_time(tmp_path):
    gone = asyncio.Event()

    async def silent(_reader, writer):
        await gone.wait()
        writer.close()

    path = tmp_path / "silent.sock"
    async with await asyncio.start_unix_server(silent, path):
        state = RedisState(f"unix://{path}", timeout_s=0.05)
        with pytest.raises(StateUnavailable) as caught:
            await state.hash_items("h")
        gone.set()
        await state.aclose()
    assert isinstance(caught.value.__cause__, TimeoutError)


BUSY = Script(
    """
    local began = redis.call('TIME')
    repeat local now = redis.call('TIME') until (now[1] - began[1]) * 1e6 + now[2] - began[2] > 3e4
    return {ARGV[1]}
    """,
    lambda _hashes, _keys, arguments, _now_s: list(arguments),
)
ECHO = Script("return {ARGV[1]}", BUSY.rule)


async def test_nobody_gets_the_reply_to_a_call_that_was_given_up(state):
    await state.run(ECHO, [], ["warm"])
    given_up = asyncio.create_task(state.run(BUSY, [], ["late"]))
    for _ in range(5):  # turns of the loop, in which the command goes out
        await asyncio.sleep(0)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert await asyncio.gather(*(state.run(ECHO, [], [str(i)]) for i in range(3))) == [[b"0"], [b"1"], [b"2"]]


async def test_a_server_that_forgot_the_scripts_is_given_them_again(state, client):
    assert await state.run(ECHO, [], ["1"]) == [b"1"]
    await client.script_flush()
    assert await state.run(ECHO, [], ["2"]) == [b"2"]


async def test_a_script_travels_once(state, client):
    await state.run(ECHO, [], ["1"])
    await client.config_resetstat()
    for _ in range(3):
        await state.run(ECHO, [], ["1"])
    assert {name: counts["calls"] for name, counts in (await client.info("commandstats")).items()} == {
        "cmdstat_evalsha": 3,
        "cmdstat_config|resetstat": 1,
    }


async def test_a_change_whose_audit_line_cannot_be_written_is_not_made(state):
    await state.hash_replace("{wrong}:audit", {"is": (None, b"no stream")})
    with pytest.raises(StateUnavailable) as caught:
        await state.hash_replace_with_audit("{wrong}:h", {"x": (None, b"1")}, NewEntry("{wrong}:audit", {"actor": b"ann"}, 10))
    assert isinstance(caught.value.__cause__, ResponseError)
    while not state.up:  # noqa: ASYNC110 - it rests after a fault
        await asyncio.sleep(0.05)
    assert await state.hash_items("{wrong}:h") == {}


@pytest.fixture
async def restricted(client, urls):
    """Makes the state of a user who may not run some commands."""
    states = []

    async def make(*rules):
        await client.execute_command("ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", *rules)
        states.append(RedisState(f"{urls('valkey')}?username=app&password=secret", timeout_s=5.0))
        return states[-1]

    yield make
    for state in states:
        await state.aclose()
    await client.execute_command("ACL", "DELUSER", "app")


SUM = Script("return {redis.call('HINCRBY', KEYS[1], 'f', ARGV[1])}", lambda *_: [])


async def test_scripts_run_where_only_their_loading_is_refused(client, restricted):
    state = await restricted("-script")
    await client.script_flush()
    await client.delete("sums")
    await state.check()
    assert [await state.run(SUM, ["sums"], [2]) for _ in range(3)] == [[2], [4], [6]]
    assert ("ACL" in state.fault, state.up) == (False, True)


@pytest.mark.parametrize("rules", [("-@scripting",), ("-eval", "-evalsha")])
async def test_where_scripts_are_refused_the_rest_of_state_goes_on_and_the_fault_is_named(restricted, rules):
    state = await restricted(*rules)
    await state.check()
    assert "ACL SETUSER" in state.fault
    with pytest.raises(StateUnavailable):
        await state.run(SUM, ["sums"], [2])
    assert state.up
    assert await state.hash_get({"h": ["f"]}) == {"h": [None]}


async def test_a_script_that_fails_is_run_once(state, client):
    half = Script("redis.call('INCR', KEYS[1]) return redis.call('HGET', KEYS[1], 'f')", lambda *_: [])
    await client.delete("half")
    with pytest.raises(StateUnavailable):
        await state.run(half, ["half"], [])
    assert await client.get("half") == b"1"


async def test_a_server_that_evicts_is_told_apart_and_once_it_is_set_right_no_more(state, client):
    policy = (await client.config_get("maxmemory-policy"))["maxmemory-policy"]
    assert policy == "volatile-lru"  # the embedded cache's
    await state.check()
    assert "maxmemory-policy volatile-lru" in state.fault
    try:
        await client.config_set("maxmemory-policy", "noeviction")
        await state.check()
        assert state.fault is None
    finally:
        await client.config_set("maxmemory-policy", policy)


async def test_a_server_with_the_cache_on_it_is_told_apart(urls):
    url = urls("valkey")
    for cache_url, shared in ((url, True), (f"{url}?db=3", True), ("redis://127.0.0.1:6379", False)):
        state = RedisState(url, timeout_s=5.0, cache_url=cache_url)
        await state.check()
        assert ("same server" in state.fault) is shared
        await state.aclose()


async def test_a_server_that_is_gone_is_not_judged():
    state = RedisState("unix:///nowhere.sock", timeout_s=5.0)
    await state.check()
    assert (state.fault, state.up) == (None, True)
    await state.aclose()


async def test_the_embedded_state_is_fit(kept):
    state = kept.state()
    await state.check()
    assert (state.fault, state.durability.keeps, state.durability.must_wait) == (None, True, False)


@pytest.fixture
async def kept(tmp_path):
    """A server that keeps what it acknowledged; `state(…)` are clients of it."""
    clients = []
    with Valkey(tmp_path / "state") as server:

        def state(query=""):
            clients.append(RedisState(f"{server.url}{query}", timeout_s=5.0))
            return clients[-1]

        server.state = state
        async with Redis.from_url(server.url) as server.client:
            yield server
            for client in clients:
                await client.aclose()


async def syncs(server):
    """How often the server was waited for: only those who ask for it are counted."""
    counts = (await server.client.info("commandstats")).get("cmdstat_waitaof", {"calls": 0})
    return counts["calls"]


async def test_where_a_server_acknowledges_before_its_disk_has_it_changes_wait_for_the_disk(kept):
    state = kept.state()
    await kept.client.config_set("appendfsync", "everysec")
    await state.check()
    assert (state.durability.keeps, state.durability.must_wait) == (True, True)
    before = await syncs(kept)
    assert await state.hash_replace("h", {"x": (None, b"1")})
    assert not await state.hash_replace("h", {"x": (None, b"2")})
    assert await state.hash_replace_with_audit("{h}", {"x": (None, b"1")}, NewEntry("{h}:audit", {"actor": b"ann"}, 10)) is not None
    assert await syncs(kept) == before + 3
    assert (await state.hash_items("h"), await state.hash_items("{h}")) == ({b"x": b"1"}, {b"x": b"1"})
    await kept.client.config_set("appendfsync", "always")
    await state.check()
    assert state.durability.must_wait is False


async def test_a_change_of_which_the_disk_is_not_known_is_not_acknowledged(kept):
    state = kept.state()
    await kept.client.config_set("appendfsync", "everysec")
    await state.check()
    await kept.client.config_set("appendonly", "no")  # nobody has asked it again yet
    with pytest.raises(StateUnavailable):
        await state.hash_replace("h", {"x": (None, b"1")})


async def test_a_server_that_may_not_be_asked_is_waited_for_if_it_can_be(kept):
    await kept.client.execute_command("ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "-config")
    await kept.client.execute_command("ACL", "SETUSER", "blind", "on", ">secret", "~*", "+@all", "-config", "-waitaof")
    app, blind = kept.state("?username=app&password=secret"), kept.state("?username=blind&password=secret")
    await app.check()
    await blind.check()
    assert app.durability.must_wait
    assert not blind.durability.keeps
    assert "+waitaof" in blind.durability.sentence


async def test_a_server_without_a_file_may_lose_writes(urls):
    state = RedisState(urls("valkey"), timeout_s=5.0)
    assert not state.durability.keeps  # it has not said anything yet
    await state.check()
    assert state.durability.shown.startswith("may lose writes: ")
    await state.aclose()
