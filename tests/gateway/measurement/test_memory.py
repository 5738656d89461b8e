"""What a unit takes of a real server, and that nothing is lost when it is killed."""

import os
import random
import signal

import pytest
from gateway_process import wait_until
from measured_units import LAYOUT, T0, VARIANTS, bytes_of, expose, post
from redis.asyncio import Redis

from gateway.embedded.valkey import Valkey
from gateway.errors import StateUnavailable
from gateway.measurement.check import check
from gateway.measurement.exposures import Exposures
from gateway.measurement.features import Seen
from gateway.measurement.names import Names
from gateway.measurement.outcomes import Counted, Outcome, Outcomes
from gateway.measurement.running_sums import read_sums
from gateway.request.placement import Arm
from gateway.state.redis_state import RedisState

pytestmark = pytest.mark.integration
NAMES = Names.of("topics", 1, LAYOUT)
A_FULL_BUCKET = 61
"""Records a bucket at a million units."""


class Restarted:
    """State whose server comes back at another address."""

    def __init__(self, server):
        self.server = server

    async def run(self, *given, **options):
        return await self.server.run(*given, **options)


def crowded(chance, buckets):
    """Units that fill as many buckets as a million would."""
    return [number.to_bytes(2) + chance.randbytes(6) for number in range(buckets) for _ in range(A_FULL_BUCKET)]


async def test_a_record_takes_64_bytes_at_most_in_buckets_as_full_as_a_million_units_make_them(tmp_path):
    chance = random.Random(42)
    units = crowded(chance, 60)
    with Valkey(tmp_path) as server:
        state = RedisState(server.url, timeout_s=5.0)
        async with Redis.from_url(server.url) as client:
            await expose(state, units, chance)
            await post(state, units, chance)
            assert await bytes_of(client, "*:u:*") / len(units) <= 64
            assert await client.object("encoding", NAMES.units(units[0])) == b"listpack"
        await state.aclose()


async def test_what_was_acknowledged_is_there_after_a_kill_each_once(tmp_path):
    """The server is killed while exposures and outcomes are written, which are then sent again."""
    units = [random.Random(i).randbytes(8) for i in range(300)]
    with Valkey(tmp_path) as server:
        state = RedisState(server.url, timeout_s=5.0)
        exposures = Exposures(at := Restarted(state), lambda *_: LAYOUT, "writer", lambda: T0)
        outcomes = Outcomes(state, lambda: {("topics", 1): LAYOUT}, lambda: T0)
        posted = [Outcome(unit, "click", 1.0, unit.hex(), T0) for unit in units]
        add(exposures, units[:200])
        await exposures.flush()
        assert await outcomes.add(posted[:150]) == Counted(150, 0)
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: server.poll() is not None)
        add(exposures, units)
        await exposures.flush()
        with pytest.raises(StateUnavailable):
            await outcomes.add(posted)
        await state.aclose()
    with Valkey(tmp_path) as server:
        state = RedisState(server.url, timeout_s=5.0)
        at.server = state
        await exposures.flush()
        outcomes = Outcomes(state, lambda: {("topics", 1): LAYOUT}, lambda: T0)
        assert await outcomes.add(posted) == Counted(150, 150)
        sums = await read_sums(state, NAMES, LAYOUT)
        assert sum(sums.units(i) for i in range(2)) == 300
        assert sum(sums.feature(i, "requests")[1].x for i in range(2)) == 500
        assert sum(sums.metric(i, "click", T0 + 10 * 86_400)[1].events for i in range(2)) == 300
        assert (await check(state, NAMES, LAYOUT)).differing == {}
        await state.aclose()


def add(exposures, units):
    for unit in units:
        exposures.add([Arm("topics", VARIANTS[unit[0] % 2], 1, unit, True)], Seen(0.1))
