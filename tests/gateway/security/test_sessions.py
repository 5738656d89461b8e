"""Logins of browsers."""

import time

import pytest
from cryptography.fernet import Fernet

from gateway.errors import StateUnavailable
from gateway.fakes.state import FakeState
from gateway.security.sessions import LIFE_S, NAME, Sessions


async def test_every_gateway_on_a_state_opens_what_one_has_sealed():
    state = FakeState()
    one, two = Sessions(state), Sessions(state)
    sealed = await one.seal("hr_key")
    assert "hr_key" not in sealed
    assert [await each.open(sealed) for each in (one, two)] == ["hr_key"] * 2
    assert await Sessions(FakeState()).open(sealed) is None


async def test_without_state_the_workers_of_a_gateway_open_it():
    sealed = await Sessions(None, ["a", "b"]).seal("hr_key")
    assert await Sessions(None, ["b", "a"]).open(sealed) == "hr_key"
    assert await Sessions(None, ["c"]).open(sealed) is None


@pytest.mark.parametrize("cookie", ["", "x", "gAAAAA", "é" * 50])
async def test_what_is_no_seal_of_ours_opens_nothing(cookie):
    assert await Sessions(None).open(cookie) is None


async def test_a_login_ends_after_an_hour():
    state = FakeState()
    sessions = Sessions(state)
    await sessions.seal("hr_key")
    [[secret]] = (await state.hash_get({NAME: ["secret"]})).values()
    now = int(time.time())
    assert await sessions.open(Fernet(secret).encrypt_at_time(b"hr_key", now - LIFE_S + 5).decode()) == "hr_key"
    assert await sessions.open(Fernet(secret).encrypt_at_time(b"hr_key", now - LIFE_S - 5).decode()) is None


async def test_while_state_is_gone_nobody_logs_in():
    state = FakeState()
    state.unavailable = True
    with pytest.raises(StateUnavailable):
        await Sessions(state).seal("hr_key")
