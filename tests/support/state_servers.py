"""State on the fake, on Valkey and on Debian's redis-server: fixtures of tests that hold on all."""

import contextlib
import shutil
import socket
import subprocess

import pytest
from gateway_process import wait_until

from gateway.embedded.valkey import Valkey
from gateway.fakes.state import FakeState
from gateway.state.redis_state import RedisState
from gateway.state.script import Script

real = [pytest.param("valkey", marks=pytest.mark.integration)]
if shutil.which("redis-server"):  # Debian's
    real.append(pytest.param("redis-server", marks=pytest.mark.integration))


FLUSH = Script("redis.call('FLUSHALL') return {}", lambda hashes, *_: hashes.clear() or [])


def listens(path):
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        return True
    return False


@contextlib.contextmanager
def redis_server(folder):
    """Debian's redis-server on a Unix socket; gives its URL."""
    path = folder / "redis.sock"
    command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: listens(path))
        yield f"unix://{path}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="session")
def urls(tmp_path_factory):
    """URLs of the real servers, each started when it is first asked for."""
    with contextlib.ExitStack() as stack:
        started = {}

        def url(server):
            if server not in started:
                if server == "valkey":
                    started[server] = stack.enter_context(Valkey()).url
                else:
                    started[server] = stack.enter_context(redis_server(tmp_path_factory.mktemp(server)))
            return started[server]

        yield url


@pytest.fixture(params=["fake", *real])
async def two(request, urls):
    """Two clients of one server that holds nothing yet."""
    if request.param == "fake":
        yield (state := FakeState()), state
        return
    clients = [RedisState(urls(request.param), timeout_s=5.0) for _ in range(2)]
    await clients[0].run(FLUSH, [], [])
    yield clients
    for client in clients:
        await client.aclose()


@pytest.fixture
def state(two):
    """A server that holds nothing yet."""
    return two[0]
