"""The leader's lease, on real servers and on the fake alike."""

import asyncio

import pytest

from gateway.errors import StateUnavailable
from gateway.fakes.state import FakeState
from gateway.state.lease import Lease

LONG_S, SHORT_S = 600.0, 0.02


def leases(two, life_s=LONG_S):
    return [Lease(client, "leader", token, life_s) for client, token in zip(two, ("ann", "bob"), strict=True)]


async def taken(lease):
    """Its fence once it could be taken."""
    while (fence := await lease.take()) is None:  # noqa: ASYNC110 - the server's clock tells nobody
        await asyncio.sleep(SHORT_S)
    return fence


async def test_one_leads_and_the_other_does_not_until_it_gives_up(two):
    ann, bob = leases(two)
    assert (await ann.take(), await bob.take()) == (1, None)
    assert (await ann.renew(), await bob.renew()) == (True, False)
    assert (await bob.give_up(), await ann.give_up()) == (False, True)
    assert (await ann.renew(), await bob.take()) == (False, 2)


async def test_of_those_who_race_one_leads(two):
    racing = [Lease(two[i % 2], "leader", f"token {i}", LONG_S) for i in range(30)]
    fences = await asyncio.gather(*(lease.take() for lease in racing))
    assert sorted(fences, key=lambda fence: fence or 0) == [None] * 29 + [1]


async def test_a_lease_ends_by_the_servers_clock_and_the_next_has_a_greater_fence(two):
    ann, bob = leases(two, SHORT_S)
    assert await ann.take() == 1
    assert await taken(bob) == 2
    assert (await ann.renew(), await ann.give_up()) == (False, False)


async def test_a_lease_that_ended_is_not_renewed_even_if_nobody_took_it(two):
    ann, _ = leases(two, SHORT_S)
    await ann.take()
    while await ann.renew():  # noqa: ASYNC110 - the server's clock tells nobody
        await asyncio.sleep(2 * SHORT_S)
    assert await ann.take() == 2


async def test_a_renewed_lease_goes_on_for_another_life(two):
    async def until_ms():
        [[until]] = (await two[0].hash_get({"headrace:lease:leader": ["until"]})).values()
        return int(until)

    ann, bob = leases(two)
    await ann.take()
    before = await until_ms()
    assert await Lease(two[0], "leader", "ann", 2 * LONG_S).renew()
    assert await until_ms() >= before + 1e3 * LONG_S
    assert (await bob.take(), await ann.renew()) == (None, True)


async def test_whoever_does_not_know_whether_it_leads_takes_again_and_keeps_its_fence(two):
    ann, bob = leases(two)
    assert [await ann.take() for _ in range(3)] == [1, 1, 1]
    await ann.give_up()
    assert (await bob.take(), await bob.take()) == (2, 2)


async def test_leases_of_other_names_are_others(two):
    assert [await Lease(two[0], name, "ann", LONG_S).take() for name in ("leader", "other")] == [1, 1]


async def test_without_state_nobody_leads():
    state = FakeState()
    lease = Lease(state, "leader", "ann", LONG_S)
    await lease.take()
    state.unavailable = True
    for ask in (lease.take, lease.renew, lease.give_up):
        with pytest.raises(StateUnavailable):
            await ask()


async def test_in_virtual_time_a_lease_lasts_as_long_as_it_says():
    now = [1000.0]
    ann, bob = leases([FakeState(lambda: now[0])] * 2, life_s=10.0)
    assert await ann.take() == 1
    now[0] += 9.9
    assert (await bob.take(), await ann.renew()) == (None, True)
    now[0] += 9.9
    assert await bob.take() is None
    now[0] += 0.2
    assert (await bob.take(), await ann.renew()) == (2, False)
