"""What only a server shows: time limits, the rest after a fault, and connections."""

import asyncio

import pytest

from gateway.embedded.valkey import Valkey
from gateway.errors import StateUnavailable
from gateway.state.redis_state import MAX_CONNECTIONS, RedisState

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def valkey():
    with Valkey() as server:
        yield server


@pytest.fixture
async def state(valkey):
    state = RedisState(valkey.url, timeout_s=5.0)
    yield state
    await state.aclose()


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
