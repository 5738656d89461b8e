"""The embedded state outlives its stack, belongs to one stack at a time, and says why it cannot."""

import os
import resource
import signal
import subprocess
import sys

import pytest
from gateway_process import free_port, wait_until

from gateway.embedded.valkey import Valkey
from gateway.errors import StartError, StateUnavailable
from gateway.state.redis_state import RedisState

pytestmark = pytest.mark.integration


async def written(server, value):
    """Whether a write was acknowledged."""
    state = RedisState(server.url, timeout_s=5.0)
    try:
        return await state.hash_replace("h", {"f": (None, value)})
    finally:
        await state.aclose()


async def read(server):
    state = RedisState(server.url, timeout_s=5.0)
    try:
        return (await state.hash_items("h")).get(b"f")
    finally:
        await state.aclose()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
async def test_what_was_acknowledged_is_there_after_a_restart(tmp_path, sign):
    folder = tmp_path / "made/too"
    with Valkey(folder) as first:
        assert await written(first, b"1")
        os.kill(first.pid, sign)
        wait_until(lambda: first.poll() is not None)
    with Valkey(folder) as second:
        assert await read(second) == b"1"
    assert folder.stat().st_mode & 0o077 == 0


def test_a_cache_leaves_nothing_behind():
    with Valkey() as server:
        folder = server.socket.parent
        assert folder.is_dir()
    assert not folder.exists()


async def test_a_second_stack_on_the_folder_is_refused_and_the_first_goes_on(tmp_path):
    with Valkey(tmp_path) as first:
        with pytest.raises(StartError, match=rf"another stack keeps its state in {tmp_path}: stop it, or set HEADRACE_STATE_DIR"):
            Valkey(tmp_path)
        assert await written(first, b"1")
    with Valkey(tmp_path) as second:
        assert await read(second) == b"1"


def test_a_second_gateway_on_the_folder_ends_with_one_sentence_before_it_starts_anything(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    environment |= {"HEADRACE_PORT": str(free_port()), "HEADRACE_AUTH": "off", "HEADRACE_STATE_DIR": str(tmp_path)}
    with Valkey(tmp_path):
        done = subprocess.run([sys.executable, "-m", "gateway", "--embedded"], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"another stack keeps its state in {tmp_path}: stop it, or set HEADRACE_STATE_DIR to another folder\n"


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match=r"state cannot be kept in \S*/file/state \(Not a directory\): set HEADRACE_STATE_DIR"):
        Valkey(tmp_path / "file/state")


def test_what_cannot_be_read_as_state_is_a_sentence_with_the_servers_reason(tmp_path):
    (tmp_path / "appendonlydir").write_text("a file where Valkey needs a folder")
    with pytest.raises(StartError, match=rf"Valkey did not start on {tmp_path}: .*append"):
        Valkey(tmp_path)


async def test_a_full_disk_acknowledges_nothing_and_the_servers_last_words_say_so(tmp_path):
    with Valkey(tmp_path) as server:
        assert await written(server, b"before")
        size = sum(path.stat().st_size for path in (tmp_path / "appendonlydir").iterdir())
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size + 4096, size + 4096))
        state = RedisState(server.url, timeout_s=5.0)
        with pytest.raises(StateUnavailable):
            await state.hash_replace("h", {"g": (None, bytes(100_000))})
        await state.aclose()
        wait_until(lambda: server.poll() is not None)
        assert "AOF" in server.last_words
    with Valkey(tmp_path) as after:
        assert await read(after) == b"before"
