"""The cache's connections, with a real Valkey."""

import asyncio

import pytest

from gateway.cache.redis_connections import NoReply, RedisConnections, Refused

BLOCKS = ("BLPOP", "nothing-is-ever-pushed-here", 30)


@pytest.fixture
async def connections(valkey):
    connections = RedisConnections(valkey.url, timeout_s=5)
    yield connections
    await connections.aclose()


async def test_replies_come_in_order_and_a_refused_command_leaves_the_others_unaffected(connections):
    replies = await connections.ask([("SET", b"a", b"1"), ("HGETALL", b"a"), ("MGET", b"a", b"none")])
    assert [replies[0], replies[2]] == [b"OK", [b"1", None]]
    assert isinstance(replies[1], Refused)
    assert "WRONGTYPE" in str(replies[1])


async def test_a_kept_connection_that_the_server_closed_is_no_fault(connections, valkey):
    await asyncio.gather(*(connections.ask([("SET", b"a", b"1")]) for _ in range(3)))
    killer = RedisConnections(valkey.url, timeout_s=5)
    await killer.ask([("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")])
    await killer.aclose()
    assert await connections.ask([("GET", b"a")]) == [b"1"]


async def test_no_caller_gets_the_reply_to_a_command_that_was_given_up(connections):
    given_up = asyncio.create_task(connections.ask([("SET", b"a", b"1"), BLOCKS]))
    while await connections.ask([("GET", b"a")]) != [b"1"]:  # noqa: ASYNC110 - the server sends no event
        await asyncio.sleep(0)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert await asyncio.gather(*(connections.ask([("ECHO", str(i))]) for i in range(3))) == [[b"0"], [b"1"], [b"2"]]


async def test_a_slow_or_missing_server_raises_within_the_time_limit(valkey):
    slow = RedisConnections(valkey.url, timeout_s=0.05)
    with pytest.raises(NoReply, match="Timeout"):
        await slow.ask([BLOCKS])
    assert await RedisConnections(valkey.url, timeout_s=5).ask([("PING",)]) == [b"PONG"]
    with pytest.raises(NoReply):
        await RedisConnections("unix:///nowhere.sock", timeout_s=1).ask([("PING",)])


async def test_a_server_that_lets_nobody_in_is_named_with_its_own_words(valkey):
    stranger = RedisConnections(valkey.url.replace("://", "://nobody:hush@"), timeout_s=5)
    with pytest.raises(NoReply, match="invalid username-password pair"):
        await stranger.ask([("GET", b"a")])
    await stranger.aclose()
