"""How much memory state takes for each unit.

`PYTHONPATH=.:tests/support python tests/gateway/measurement/benchmark_memory.py 1000000`

A second argument is the share of the buckets that the units fill: 100000 0.1 takes as much of each
bucket as a million does. Units have three requests and three outcomes. Prints bytes of memory and
of the append-only file a unit, and microseconds of the server a unit.
"""

import asyncio
import random
import sys
import tempfile
from pathlib import Path

from measured_units import bytes_of, expose, post
from redis.asyncio import Redis

from gateway.embedded.valkey import Valkey
from gateway.measurement.names import BUCKETS
from gateway.state.redis_state import RedisState


async def measure(count, share):
    """Print what so many units take."""
    chance = random.Random(42)
    units = [chance.randrange(int(share * BUCKETS)).to_bytes(2) + chance.randbytes(6) for _ in range(count)]
    with tempfile.TemporaryDirectory() as folder, Valkey(Path(folder)) as server:
        state = RedisState(server.url, timeout_s=30.0)
        async with Redis.from_url(server.url) as client:
            await expose(state, units, chance)
            await post(state, units, chance)
            records, keys, sums = [await bytes_of(client, f"*:{part}*") for part in ("u:", "k:", "sums")]
            spent_us = sum(one["usec"] for name, one in (await client.info("commandstats")).items() if name.startswith("cmdstat_eval"))
        await state.aclose()
        file = sum(path.stat().st_size for path in Path(folder).rglob("*.aof"))  # noqa: ASYNC240 - nothing else runs
    print(f"{count} units: {records / count:.1f} B a record, {keys / count:.1f} B of outcomes' keys, sums {sums} B in all,")
    print(f"{file / count:.0f} B of the append-only file a unit, {spent_us / count:.0f} us of the server a unit")


if __name__ == "__main__":
    given = [*sys.argv[1:], *("100000", "0.1")[len(sys.argv) - 1 :]]
    asyncio.run(measure(int(given[0]), float(given[1])))
