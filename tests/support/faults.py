"""Faults of the parts of a stack, how each is injected, and what clients may notice of it."""

import contextlib
import random
import socket
from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Any

import psutil
from checked_load import DIALECTS, CheckedLoad
from gateway_process import GatewayProcess, wait_until
from redis import Redis
from restartable import Restartable

from gateway.http_server.workers import REPLY_S

DEADLINE_S = 1.5
SLACK_S = 2.0
"""Added for a machine that is busy with other programs."""
WORKER_REPLACED_WITHIN_S = REPLY_S + 5.0
"""The workers are asked every half a second whether they live."""
CONNECTION_ERRORS = frozenset({"ReadError", "RemoteProtocolError", "WriteError"})


@dataclass(frozen=True)
class Parts:
    """The parts into which a fault is injected; `redis` is a client of the Valkey."""

    gateway: GatewayProcess
    triton: Restartable
    valkey: Restartable
    redis: Redis


def triton_killed(parts, load):
    parts.triton.kill()
    load.wait_for_status(503)
    parts.triton.start()


def triton_frozen(parts, load):
    with parts.triton.frozen():
        load.wait_for_status(504, times=4)
        load.wait_for_status(503)  # the circuit breaker is open: no request waits any more


def valkey_killed(parts, load):
    parts.valkey.kill()
    load.wait_until_healthy()
    parts.valkey.start()


def valkey_frozen(parts, load):
    with parts.valkey.frozen():
        load.wait_until_healthy()


def valkey_full(parts, load):
    """No value can be stored and no lease acquired."""
    refused = errors(parts.gateway, "set")
    parts.redis.config_set("maxmemory-policy", "noeviction")
    parts.redis.config_set("maxmemory", "1")
    wait_until(lambda: errors(parts.gateway, "set") > refused)
    load.wait_until_healthy()
    parts.redis.config_set("maxmemory", "0")


def valkey_evicts(parts, load):
    """Stored values are evicted for new ones."""
    parts.redis.config_set("maxmemory-policy", "volatile-lru")
    # the server's own buffers take about half of the room that is left
    parts.redis.config_set("maxmemory", parts.redis.info("memory")["used_memory"] + 2**17)
    wait_until(lambda: parts.redis.info("stats")["evicted_keys"] > 50)
    load.wait_until_healthy()
    parts.redis.config_set("maxmemory", "0")


def entries_corrupted(parts, load):
    """Of every three values one has a flipped bit, one is cut, and one is that of another key."""
    for _ in range(3):
        keys = parts.redis.keys("headrace:*")
        entries = [(key, value) for key, value in zip(keys, parts.redis.mget(keys), strict=True) if value is not None]
        for i, ((key, value), (_, other)) in enumerate(zip(entries, entries[1:] + entries[:1], strict=True)):
            bit = random.Random(key).randrange(8 * len(value))
            flipped = (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(len(value), "big")
            parts.redis.set(key, (flipped, value[: len(value) // 2], other)[i % 3], keepttl=True)
        load.wait_until_healthy()
    assert parts.gateway.metric("headrace_cache_unreadable_total") > 0


def worker_killed(parts, load):
    victim = busiest_worker(parts.gateway)
    victim.kill()
    wait_until(lambda: is_replaced(parts.gateway, victim))


def worker_frozen(parts, load):
    victim = busiest_worker(parts.gateway)
    victim.suspend()
    wait_until(lambda: is_replaced(parts.gateway, victim))


def clients_leave(parts, load):
    """Some clients disconnect in the middle of a request, others after it without waiting."""
    body = b'{"instances": ["%s"], "version": 1}'
    path = DIALECTS[0].path(1).encode()
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer bee\r\nContent-Length: %d\r\n\r\n"
    for number in range(60):
        text = body % (b"left %d " % number * 20)
        whole = head % (path, len(text)) + text
        with socket.create_connection(("127.0.0.1", parts.gateway.port)) as leaving:
            leaving.sendall(whole[: (len(whole), len(whole) // 2, 40)[number % 3]])
    load.wait_until_healthy()


def errors(gateway, operation):
    return gateway.metric("headrace_cache_errors_total", operation=operation)


def workers(gateway):
    children = psutil.Process(gateway.process.pid).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def busiest_worker(gateway):
    """The worker with the most clients."""
    return max(workers(gateway), key=lambda worker: sum(one.status == psutil.CONN_ESTABLISHED for one in worker.net_connections()))


def is_replaced(gateway, victim):
    """Whether another worker has started in the place of the victim."""
    with contextlib.suppress(psutil.NoSuchProcess):  # it ended during the check
        return victim not in (now := workers(gateway)) and len(now) == 2 and gateway.log.read_text().count("catalog read") >= 3
    return False


@dataclass(frozen=True)
class Fault:
    """A fault, which `inject` starts and ends.

    Clients may get `statuses` during it, and no request may take longer than `longest_s`. The
    gateway has so many `workers`. A fault `of_triton` needs a Triton that no other test uses.
    """

    inject: Callable[[Parts, CheckedLoad], None]
    statuses: Set[Any] = frozenset()
    longest_s: float = DEADLINE_S + SLACK_S
    workers: int = 1
    of_triton: bool = False

    def __str__(self):
        return self.inject.__name__


FAULTS = [
    Fault(triton_killed, {503}, of_triton=True),
    Fault(triton_frozen, {429, 503, 504}, of_triton=True),
    Fault(valkey_killed),
    Fault(valkey_frozen),
    Fault(valkey_full),
    Fault(valkey_evicts),
    Fault(entries_corrupted),
    Fault(worker_killed, CONNECTION_ERRORS, workers=2),
    Fault(worker_frozen, CONNECTION_ERRORS, WORKER_REPLACED_WITHIN_S, workers=2),
    Fault(clients_leave),
]
