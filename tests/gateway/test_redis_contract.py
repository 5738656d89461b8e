"""The internals of redis-py that the gateway uses beyond its documented interface.

`gateway.cache.redis_connections` uses the library's connections without its client and its pool. A
new version of the library may change these without notice. Each of these tests then fails with a
sentence that says which part is gone and which of our modules needs it.
"""

import inspect

import pytest
from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.connection import AbstractConnection, ConnectionPool, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript

CACHE, STATE = "gateway.cache.redis_connections", "gateway.state.redis_state"


@pytest.mark.parametrize(
    ("owner", "name", "parameters", "user"),
    [
        (ConnectionPool, "from_url", {"url"}, CACHE),
        (ConnectionPool, "make_connection", set(), CACHE),
        (AbstractConnection, "__init__", {"protocol", "retry"}, CACHE),
        (AbstractConnection, "pack_commands", {"commands"}, CACHE),
        (AbstractConnection, "send_packed_command", {"command", "check_health"}, CACHE),
        (AbstractConnection, "read_response", {"disable_decoding"}, CACHE),
        (AbstractConnection, "disconnect", {"nowait"}, CACHE),
        (SSLConnection, "__init__", {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}, "gateway.security.tls"),
        (Redis, "from_url", {"url"}, STATE),
        (Redis, "__init__", {"socket_timeout", "socket_connect_timeout", "retry", "max_connections"}, STATE),
        (Redis, "register_script", {"script"}, STATE),
        (Redis, "pipeline", {"transaction"}, STATE),
        (Pipeline, "execute", set(), STATE),
        (AsyncScript, "__call__", {"keys", "args"}, STATE),
    ],
)
def test_redis_py_still_has_the_parts_that_are_used(owner, name, parameters, user):
    method = getattr(owner, name, None)
    assert method is not None, f"redis-py has no {owner.__name__}.{name} any more, which {user} uses"
    missing = parameters - inspect.signature(method).parameters.keys()
    assert not missing, f"{owner.__name__}.{name} of redis-py does not take {', '.join(sorted(missing))} any more, which {user} gives it"


@pytest.mark.parametrize("name", ["send_packed_command", "read_response", "disconnect"])
def test_connections_are_still_awaited(name):
    method = getattr(AbstractConnection, name)
    assert inspect.iscoroutinefunction(method), f"AbstractConnection.{name} of redis-py is no coroutine any more, which {CACHE} awaits"


@pytest.mark.parametrize("name", ["make_connection", "pack_commands"])
def test_making_connections_and_packing_commands_is_still_not_awaited(name):
    owner = ConnectionPool if name == "make_connection" else AbstractConnection
    method = getattr(owner, name)
    assert not inspect.iscoroutinefunction(method), f"{owner.__name__}.{name} of redis-py has become a coroutine; {CACHE} calls it"


@pytest.mark.parametrize("name", ["ConnectionError", "ResponseError", "TimeoutError"])
def test_the_exceptions_still_have_one_base_class(name):
    fault = getattr(exceptions, name)
    assert issubclass(fault, exceptions.RedisError), f"redis-py's {name} is no RedisError any more, and {CACHE} and {STATE} would miss it"


def connection(url="redis://cache:6379/0"):
    return ConnectionPool.from_url(url, protocol=2, retry=Retry(NoBackoff(), 0)).make_connection()


def test_a_connection_is_made_without_connecting_and_its_own_time_limit_is_a_long_one():
    made = connection()
    assert isinstance(made, AbstractConnection), f"make_connection of redis-py gives {type(made)}, which {CACHE} takes for a connection"
    assert made.is_connected is False, f"make_connection of redis-py connects, which {CACHE} leaves to the first command"
    assert made.socket_timeout == 5, f"redis-py has another time limit of its own, {made.socket_timeout} s, beside that of {CACHE}"


def test_commands_are_packed_into_bytes_that_can_be_sent_as_they_are():
    packed = b"".join(connection().pack_commands([("SET", b"a", 1), ("GET", "a")]))
    expected = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
    assert packed == expected, f"pack_commands of redis-py packs otherwise than {CACHE} sends"


async def test_a_script_still_keeps_its_digest_so_that_registering_it_once_is_enough():
    client = Redis.from_url("redis://state")
    script = client.register_script("return 1")
    assert (type(script), len(script.sha)) == (AsyncScript, 40), f"redis-py keeps no digest of a script any more, which {STATE} relies on"
    await client.aclose()
