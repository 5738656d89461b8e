"""A server whose responses cost next to nothing and come when a script says.

The generator itself is measured against it. It prints its port and serves until it is stopped:

python -m loadtest.generator.scripted_server '{"latencies_ms": [[10, 0.9], [50, 0.1]]}'
"""

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from heapq import heappush, heapreplace
from itertools import accumulate
from time import perf_counter

MODEL = json.dumps({"name": "topics", "ready": True, "versions": [{"version": 1, "ready": True}]}).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Model-Version: 1\r\nX-Cache: miss\r\nContent-Length: %d\r\n\r\n%s"
PREDICTION = b'{"label": "earn", "score": 0.9}'
LENGTH = b"Content-Length: "
COUNTS = b"GET /counts "
"""Asks for the server's own counts, as JSON."""
GOLDEN_RATIO = 0.6180339887498949


@dataclass(slots=True)
class Script:
    """When responses are due.

    A response comes after one of `latencies_ms`, which take turns by their weights. No response
    comes during a stall of `stall_s` seconds, which begins `stall_at_s` seconds after the first
    predict request; requests that came during the stall are answered `latencies_ms` after its end.

    With `workers`, that many requests are worked on at a time, each for its latency, and the others
    wait in a queue: the server carries `workers` / latency requests a second. With `dies_after`,
    the process ends at the predict request of that number.

    The share `closes` of the predict requests is not answered: `closes_after_ms` after such a
    request was read, its connection is closed, with `closes_inside` after a part of the answer.
    With `idle_ms`, a connection is closed that long after an answer if nothing came meanwhile.
    """

    latencies_ms: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, 1.0)])
    stall_at_s: float = 0.0
    stall_s: float = 0.0
    workers: int = 0
    dies_after: int = 0
    closes: float = 0.0
    closes_after_ms: float = 0.0
    closes_inside: bool = False
    idle_ms: float = 0.0
    _closed: int = 0
    _first: float | None = None
    _requests: int = 0
    _received: int = 0
    _free_at: list[float] = field(default_factory=list)

    def delay_s(self) -> float:
        """How long the response to a request that came now has to wait."""
        now = perf_counter()
        self._received += 1
        if self._received == self.dies_after:
            os._exit(1)
        self._first = now if self._first is None else self._first
        into_stall_s = now - self._first - self.stall_at_s
        stalled_s = self.stall_s - into_stall_s if 0 <= into_stall_s < self.stall_s else 0.0
        return stalled_s + (self._queued_s(now) if self.workers else self._latency_s())

    def closes_now(self) -> bool:
        """Whether the connection of the request that came last is closed in place of an answer."""
        # spread evenly, as the latencies are
        closing = self._received * GOLDEN_RATIO % 1 < self.closes
        self._closed += closing
        return closing

    def counts(self) -> dict[str, int]:
        """The predict requests that were read, and those whose connection was closed instead."""
        return {"received": self._received, "closed": self._closed}

    def _queued_s(self, now: float) -> float:
        """The time in the queue and at a worker."""
        if len(self._free_at) < self.workers:
            done = now + self._latency_s()
            heappush(self._free_at, done)
        else:
            done = max(self._free_at[0], now) + self._latency_s()
            heapreplace(self._free_at, done)
        return done - now

    def _latency_s(self) -> float:
        if len(self.latencies_ms) == 1:
            return self.latencies_ms[0][0] / 1e3
        self._requests += 1
        # the multiples of the golden ratio spread evenly, so that any number of requests is shared
        # out by the weights
        at = self._requests * GOLDEN_RATIO % 1 * sum(weight for _, weight in self.latencies_ms)
        bounds = accumulate(weight for _, weight in self.latencies_ms)
        return next(ms for (ms, _), bound in zip(self.latencies_ms, bounds, strict=True) if at < bound) / 1e3


class ScriptedConnection(asyncio.Protocol):
    """One connection, on which requests come one after the other."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._received = b""
        self._transport = asyncio.Transport()
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, to which responses are written."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Respond once the request is whole."""
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        at = head.find(LENGTH)
        length = int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if not found or len(body) < length:
            return
        self._received = b""
        if self._idle is not None:
            self._idle.cancel()
        if head.startswith(b"GET"):
            shown = json.dumps(self._script.counts()).encode() if head.startswith(COUNTS) else MODEL
            self._transport.write(HEAD % (len(shown), shown))
            return
        # counting the separators of the texts is cheaper than parsing, and wrong only where a text
        # holds one
        content = b'{"predictions": [' + b", ".join([PREDICTION] * (1 + body.count(b'", "'))) + b"]}"
        response = HEAD % (len(content), content)
        delay_s = self._script.delay_s()
        if self._script.closes and self._script.closes_now():
            part = response[: len(response) // 2] if self._script.closes_inside else b""
            asyncio.get_running_loop().call_later(self._script.closes_after_ms / 1e3, self._close, part)
        elif delay_s:
            asyncio.get_running_loop().call_later(delay_s, self._respond, response)
        else:
            self._respond(response)

    def _respond(self, response: bytes) -> None:
        self._transport.write(response)
        if self._script.idle_ms:
            self._idle = asyncio.get_running_loop().call_later(self._script.idle_ms / 1e3, self._transport.close)

    def _close(self, part: bytes) -> None:
        if part:
            self._transport.write(part)
        self._transport.close()


async def serve(script: Script) -> None:
    """Serve on a free port of the loopback, and print the port."""
    server = await asyncio.get_running_loop().create_server(lambda: ScriptedConnection(script), "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    parent = os.getppid()
    while os.getppid() == parent:  # noqa: ASYNC110 - no event says that the parent was killed
        await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(serve(Script(**json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}"))))
