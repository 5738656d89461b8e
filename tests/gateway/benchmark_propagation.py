"""How soon a change of an experiment is in force in N gateway processes on one state server.

    .venv/bin/python tests/gateway/benchmark_propagation.py

Each process watches state as a gateway does, by the same code. Times are from the acknowledgement
of a change until a watcher has it in force. What a look costs a server with many connections is
measured, too, and a queue with such costs stands for more gateways than this machine could run:
those that look at random times, and those that all look at once, as after a roll-out.
"""

import argparse
import asyncio
import multiprocessing
import socket
import sys
import tempfile
import time
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[2]))
import structlog
from redis import Redis

from gateway.embedded.valkey import Valkey
from gateway.experiments.definition import read
from gateway.experiments.kept import KeptCopy
from gateway.experiments.lifecycle import put
from gateway.experiments.store import NAME, ExperimentStore
from gateway.experiments.watch import WATCH_INTERVAL_S, StateExperiments
from gateway.state.redis_state import RedisState

TIMEOUT_S = 5.0
SETTLE_S = 5.0
CONNECTIONS, ROUNDS = 500, 40
ARMS = [{"name": "a", "model": "topics", "version": 1, "weight": 0.5}, {"name": "b", "model": "topics", "version": 2, "weight": 0.5}]


class Noting(StateExperiments):
    """Notes when each revision came into force."""

    def __init__(self, store: ExperimentStore) -> None:
        super().__init__(store, KeptCopy(None, ""))
        self.seen: list[tuple[int, float]] = []

    async def refresh(self) -> None:
        """As a gateway does."""
        before = self.current.revision
        await super().refresh()
        if self.current.revision != before:
            self.seen.append((self.current.revision, time.monotonic()))


def watching(url: str, ends: Connection) -> None:
    """Watch as a gateway until told to end; then send what was seen."""
    asyncio.run(_watching(url, ends))


async def _watching(url: str, ends: Connection) -> None:
    state = RedisState(url, timeout_s=TIMEOUT_S)
    watch = Noting(ExperimentStore(state, time.time))
    await asyncio.sleep(WATCH_INTERVAL_S * Random().random())  # gateways do not start together
    looking = asyncio.ensure_future(watch.watch())
    await asyncio.to_thread(ends.recv)
    looking.cancel()
    ends.send(watch.seen)
    await state.aclose()


async def changed(url: str, changes: int) -> dict[int, float]:
    """Make changes at random times; when each was acknowledged, by its revision."""
    state, chance, acknowledged = RedisState(url, timeout_s=TIMEOUT_S), Random(1), {}
    await state.check()
    store = ExperimentStore(state, time.time)
    for i in range(changes):
        await asyncio.sleep(WATCH_INTERVAL_S * (1 + 2 * chance.random()))
        definition = read({"key": "lora", "variants": ARMS, "description": str(i)})
        _, stored = await store.change("lora", "benchmark", lambda stored, now, to=definition: put(stored, to, now))
        acknowledged[stored.revision] = time.monotonic()
    await asyncio.sleep(SETTLE_S)
    await state.aclose()
    return acknowledged


def main() -> None:
    """Measure, and print the distribution."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=50)
    parser.add_argument("--changes", type=int, default=20)
    parser.add_argument("--simulated", type=int, default=10_000, help="gateways of the simulation (default %(default)s)")
    args = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    forking = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as folder, Valkey(Path(folder)) as server:
        pipes = [forking.Pipe() for _ in range(args.processes)]
        processes = [forking.Process(target=watching, args=(server.url, theirs)) for _, theirs in pipes]
        for process in processes:
            process.start()
        acknowledged = asyncio.run(changed(server.url, args.changes))
        for ours, _ in pipes:
            ours.send("end")
        seen = [ours.recv() for ours, _ in pipes]
        for process in processes:
            process.join()
        cost_s = cost_of_a_look_s(server)
    delays = [
        next((max(0.0, when - at) for found, when in one if found >= revision), float("inf"))
        for revision, at in acknowledged.items()
        for one in seen
    ]
    report(f"{args.processes} processes, {args.changes} changes", delays)
    print(f"a look costs the server {1e6 * cost_s:.0f} us of CPU")
    for name, spread in (("at random times", 1.0), ("all at once", 0.0)):
        report(f"{args.simulated} simulated gateways that look {name}", simulated(args.simulated, cost_s, spread))


def cost_of_a_look_s(server: Valkey) -> float:
    """The CPU time of one look, where many connections ask at once."""
    look = b"*3\r\n$5\r\nHMGET\r\n$%d\r\n%b\r\n$8\r\nrevision\r\n" % (len(NAME), NAME.encode())
    with ExitStack() as opened:
        connections = [opened.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(CONNECTIONS)]
        for connection in connections:
            connection.connect(str(server.socket))
        before = spent(server.url)
        for _ in range(ROUNDS):
            for connection in connections:
                connection.sendall(look)
            for connection in connections:
                connection.recv(64)
        return (spent(server.url) - before) / (CONNECTIONS * ROUNDS)


def spent(url: str) -> float:
    """The CPU time that the server has taken, seconds."""
    with Redis.from_url(url) as client:
        cpu = client.info("cpu")
    return float(cpu["used_cpu_user"]) + float(cpu["used_cpu_sys"])


def simulated(gateways: int, cost_s: float, spread: float) -> list[float]:
    """Delays of a change, after which each gateway looks within a second and then reads all.

    With a `spread` of 0 all look at once, as late as they can.

    The server answers in the order in which it is asked, and a reading costs it as much as a look.
    """
    chance = Random(1)
    looks = sorted(WATCH_INTERVAL_S * (1 - spread * chance.random()) for _ in range(gateways))
    free, delays = 0.0, []
    for look in looks:
        free = max(free, look) + 2 * cost_s
        delays.append(free)
    return delays


def report(what: str, delays: list[float]) -> None:
    """Print the quantiles of delays."""
    delays = sorted(delays)
    quantiles = "  ".join(f"p{100 * q:g} {delays[min(len(delays) - 1, int(q * len(delays)))]:.3f} s" for q in (0.5, 0.9, 0.99, 0.999))
    print(f"{what}: {quantiles}  max {delays[-1]:.3f} s")


if __name__ == "__main__":
    main()
