"""The response cache, with real gateways, a real Triton and a real Valkey."""

import concurrent.futures
import hashlib
import json
import os
import re
import signal
import time
import uuid

import httpx
import pytest
import yaml
from gateway_process import wait_until
from redis import Redis
from timed import timed

from gateway.embedded.valkey import Valkey
from model_repository.server import TritonServer

pytestmark = pytest.mark.integration


@pytest.fixture
def own_valkey():
    with Valkey() as server:
        yield server


@pytest.fixture
def redis(own_valkey):
    with Redis(unix_socket_path=str(own_valkey.socket)) as client:
        yield client


@pytest.fixture
def start(start_gateway, triton, own_valkey):
    """Starts gateways that share a Valkey of the test's own."""

    def start(**settings):
        return start_gateway(**{"triton_url": triton.http_url, "cache_url": own_valkey.url, **settings})

    return start


@pytest.fixture
def text():
    return uuid.uuid4().hex


def ask(gateway, *texts, key=None, **headers):
    """Ask version 2, outside of experiments; returns (X-Cache, response)."""
    if key:
        headers["Authorization"] = f"Bearer {key}"
    answer = gateway.predict(*texts, version=2, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-cache"], answer


def fill(gateway, redis, *texts, **headers):
    """Ask for texts, and wait until Valkey holds their entries."""
    before = len(redis.keys("headrace:*"))
    answer = ask(gateway, *texts, **headers)[1]
    wait_until(lambda: len(redis.keys("headrace:*")) == before + len(texts))
    return answer


def labels(answer):
    return [prediction["label"] for prediction in answer.json()["predictions"]]


def calls(redis, command):
    return redis.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"]


def items_sent_to_triton(gateway):
    return gateway.metric("headrace_triton_call_items_sum", version="2")


def test_a_batch_with_hits_costs_one_look_up_and_one_call_for_the_misses(start, redis):
    gateway = start(cache_memory_bytes=0)
    texts = [uuid.uuid4().hex for _ in range(10)]
    fill(gateway, redis, *texts[:7])
    before = calls(redis, "mget"), gateway.metric("headrace_triton_calls_total"), items_sent_to_triton(gateway)
    assert ask(gateway, *texts)[0] == "partial"
    after = calls(redis, "mget"), gateway.metric("headrace_triton_calls_total"), items_sent_to_triton(gateway)
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 1, 3]


def test_a_hit_in_memory_sends_no_command_and_one_gateway_hits_what_another_computed(start, redis, text):
    one, other = start(), start()
    fill(one, redis, text)
    assert ask(other, text)[0] == "hit"
    before = calls(redis, "mget")
    assert [ask(gateway, text)[0] for gateway in (one, other, other)] == ["hit"] * 3
    assert calls(redis, "mget") == before
    assert other.metric("headrace_cache_hits_total", tier="redis") == 1
    assert other.metric("headrace_cache_hits_total", tier="memory") == 2
    assert other.metric("headrace_cache_bytes_total", direction="read") > 0


@pytest.mark.parametrize("lease_s", [0, 20])
def test_equal_misses_of_two_gateways_are_computed_once_with_leases(start, triton, redis, lease_s, documents):
    gateways = [start(cache_lease_s=lease_s) for _ in range(2)]
    texts = documents[:4]  # real texts: with dynamic int8 the label of a borderline text may differ between batches
    for gateway in gateways:
        ask(gateway, "warm")
    before = sum(map(items_sent_to_triton, gateways))
    os.kill(triton.pid, signal.SIGSTOP)  # so that all requests are sent before one is answered
    try:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(ask, gateway, text) for text in texts for gateway in gateways]
            pending = 4 if lease_s else 8
            wait_until(lambda: lease_s == 0 or calls(redis, "eval") >= 8)
            wait_until(lambda: sum(gateway.metric("headrace_pending_items", version="2") for gateway in gateways) == pending)
            os.kill(triton.pid, signal.SIGCONT)
            answers = [future.result() for future in asked]
    finally:
        os.kill(triton.pid, signal.SIGCONT)
    assert sum(map(items_sent_to_triton, gateways)) - before == pending
    assert all(labels(one) == labels(other) for (_, one), (_, other) in zip(answers[::2], answers[1::2], strict=True))
    if lease_s:
        assert sum(gateway.metric("headrace_cache_leases_total", outcome="shared") for gateway in gateways) == 4


@timed
def test_a_gateway_killed_while_it_holds_the_lease_delays_the_others_by_the_leases_life_at_most(start, triton, redis, text):
    holder, other = (start(cache_lease_s=2) for _ in range(2))
    os.kill(triton.pid, signal.SIGSTOP)
    try:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            lost = pool.submit(holder.predict, text, version=2)
            wait_until(lambda: redis.keys("headrace-lease:*"))
            waiting = pool.submit(ask, other, text)
            wait_until(lambda: calls(redis, "eval") >= 2)
            holder.process.kill()
            os.kill(triton.pid, signal.SIGCONT)
            began = time.monotonic()
            assert waiting.result()[0] == "miss"
            assert time.monotonic() - began < 4
            with pytest.raises(httpx.TransportError):
                lost.result()
    finally:
        os.kill(triton.pid, signal.SIGCONT)
    assert other.metric("headrace_cache_leases_total", outcome="taken_over") == 1
    wait_until(lambda: ask(other, text)[0] == "hit")
    assert redis.keys("headrace-lease:*") == []


@timed
def test_a_frozen_valkey_costs_its_time_limit_and_fails_no_request(start, redis, own_valkey, text):
    gateway = start(cache_lease_s=5, cache_timeout_ms=50)
    fill(gateway, redis, text)
    os.kill(own_valkey.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert ask(gateway, text)[0] == "hit"  # from memory
        assert ask(gateway, uuid.uuid4().hex)[0] == "miss"
        assert time.monotonic() - began < 2
        assert httpx.get(f"{gateway.url}/readyz").json()["checks"]["cache"] == "does not answer"
    finally:
        os.kill(own_valkey.pid, signal.SIGCONT)
    other = uuid.uuid4().hex
    wait_until(lambda: ask(gateway, other)[0] == "hit")
    wait_until(lambda: httpx.get(f"{gateway.url}/readyz").json()["checks"]["cache"] == "ok")


def test_corrupt_entries_are_misses_and_are_replaced(start, redis, documents):
    gateway = start(cache_memory_bytes=0)
    texts = documents[:8]
    expected = labels(fill(gateway, redis, *texts))
    for i, key in enumerate(redis.keys("headrace:*")):
        value = bytearray(redis.get(key))
        value[i * len(value) // 8] ^= 1 << i
        redis.set(key, bytes(value))
    status, answer = ask(gateway, *texts)
    assert (status, labels(answer)) == ("miss", expected)
    assert gateway.metric("headrace_cache_unreadable_total") == 8
    wait_until(lambda: ask(gateway, *texts)[0] == "hit")


def test_a_value_moved_to_another_key_does_not_answer(start, redis):
    gateway = start(cache_memory_bytes=0)
    one, other = uuid.uuid4().hex, uuid.uuid4().hex
    fill(gateway, redis, one)
    [key] = redis.keys("headrace:*")
    value = redis.get(key)
    fill(gateway, redis, other)
    [moved] = set(redis.keys("headrace:*")) - {key}
    redis.set(moved, value)
    assert ask(gateway, other)[0] == "miss"
    assert gateway.metric("headrace_cache_unreadable_total", reason="corrupt") == 1


def test_a_stale_entry_answers_at_once_and_is_refreshed_once_in_the_background(start, redis, text):
    policy = {"topics": {"ttl_s": 1, "ttl_jitter": 0, "stale_while_revalidate_s": 60, "lease_s": 5}}
    gateways = [start(cache_policies=yaml.safe_dump(policy, default_flow_style=True, width=1000)) for _ in range(2)]
    fill(gateways[0], redis, text)
    wait_until(lambda: ask(gateways[0], text)[0] == "stale")
    wait_until(lambda: ask(gateways[1], text)[0] in ("hit", "stale"))
    wait_until(lambda: ask(gateways[0], text)[0] == "hit")
    assert gateways[0].metric("headrace_items_total", result="stale", version="2") >= 1
    assert sum(gateway.metric("headrace_cache_refreshes_total", result="done") for gateway in gateways) >= 1
    wait_until(lambda: ask(gateways[0], text)[0] == "stale")
    answer = gateways[0].predict(text, version=2, headers={"Cache-Control": "max-age=600"})
    assert answer.headers["x-cache"] in ("miss", "hit"), "a client that names an age gets no stale answer"


def test_a_stale_entry_answers_while_triton_is_gone(repository, start, redis, text):
    with TritonServer.start(repository, grace_s=0) as own:
        gateway = start(triton_url=own.http_url, cache_ttl_s=0.3, cache_ttl_jitter=0, cache_stale_if_error_s=600, catalog_refresh_s=0.2)
        before = fill(gateway, redis, text)
        wait_until(lambda: ask(gateway, text)[0] == "miss")
    # the last miss was computed while Triton was there, and is fresh for a moment
    wait_until(lambda: ask(gateway, text)[0] != "hit")
    status, answer = ask(gateway, text)
    assert (status, labels(answer)) == ("stale", labels(before))
    assert int(answer.headers["age"]) >= 0
    assert gateway.predict(text, uuid.uuid4().hex, version=2).status_code == 503
    assert gateway.predict(text, version=2, headers={"Cache-Control": "stale-if-error=0"}).status_code == 503


def test_request_directives_of_rfc_9111(start, redis, text):
    gateway = start()
    missing = gateway.predict(text, version=2, headers={"Cache-Control": "only-if-cached"})
    assert (missing.status_code, "only-if-cached" in missing.json()["error"]) == (504, True)
    fill(gateway, redis, text)
    assert ask(gateway, text, **{"Cache-Control": "only-if-cached"})[0] == "hit"
    assert ask(gateway, text, **{"Cache-Control": "max-age=600"})[0] == "hit"
    wait_until(lambda: ask(gateway, text)[1].headers["age"] != "0")
    assert ask(gateway, text, **{"Cache-Control": "max-age=0"})[0] == "miss"
    assert ask(gateway, text, **{"Cache-Control": "min-fresh=999999"})[0] == "miss"
    assert ask(gateway, text, **{"Cache-Control": "no-cache"})[0] == "bypass"
    lines = [("Cache-Control", "no-cache"), ("Cache-Control", "max-age=600")]
    assert gateway.predict(text, version=2, headers=lines).headers["x-cache"] == "bypass", "each of several header lines counts"


def test_a_client_that_has_the_answer_gets_304_unless_it_asks_for_another_answer(gateway, text):
    def again(tag, **body):
        return gateway.predict(text, headers={"If-None-Match": tag}, **{"version": 2, **body})

    tag = gateway.predict(text, version=2).headers["etag"]
    same = again(f'"other", {tag}')
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert gateway.predict(text, version=2, headers=[("If-None-Match", tag), ("If-None-Match", '"other"')]).status_code == 304
    assert [again(tag, version=1).status_code, again(tag, parameters={"top_k": 2}).status_code, again('"x"').status_code] == [200] * 3
    anew = gateway.predict(text, version=2, headers={"If-None-Match": tag, "Cache-Control": "no-cache"})
    assert (anew.status_code, anew.headers["x-cache"]) == (200, "bypass")


def keys(*tenants):
    """Settings in which each tenant has an API key that is its name.

    The key of `ops` has the scope admin, too.
    """
    scopes = {"ops": ":admin+predict"}
    listed = [f"{tenant}:{hashlib.sha256(tenant.encode()).hexdigest()}{scopes.get(tenant, '')}" for tenant in tenants]
    return {"auth": "keys", "api_keys": ",".join(listed)}


def delete(gateway, path, key):
    return httpx.delete(f"{gateway.url}/v1/cache{path}", headers={"Authorization": f"Bearer {key}"})


def stream(gateway, text, key):
    """Send a stream of one line to version 2."""
    url, headers = f"{gateway.url}/v1/models/topics:predictStream", {"Authorization": f"Bearer {key}"}
    answer = httpx.post(url, params={"version": 2}, content=json.dumps(text), headers=headers)
    assert "prediction" in answer.json(), answer.text


def test_a_tenant_with_its_own_cache_shares_no_entry_and_its_cache_can_be_deleted(start, redis, text):
    gateway = start(**keys("acme", "bee", "sea", "ops"), cache_tenants="acme")
    fill(gateway, redis, text, key="bee")
    assert ask(gateway, text, key="sea")[0] == "hit"
    assert ask(gateway, text, key="acme")[0] == "miss"
    wait_until(lambda: ask(gateway, text, key="acme")[0] == "hit")

    assert delete(gateway, "/tenants/acme", "acme").status_code == 403
    assert delete(gateway, "/tenants/acme", "ops").json() == {"deleted": "tenant:acme", "within_s": 1.0}
    assert ask(gateway, text, key="acme")[0] == "miss"
    assert ask(gateway, text, key="sea")[0] == "hit"
    assert delete(gateway, "/tenants/sea", "ops").status_code == 404


def test_a_stream_of_a_tenant_with_its_own_cache_shares_no_entry(start, redis, text):
    gateway = start(**keys("acme", "bee", "sea"), cache_tenants="acme")
    fill(gateway, redis, text, key="bee")
    before = items_sent_to_triton(gateway)
    stream(gateway, text, "sea")
    assert items_sent_to_triton(gateway) == before
    stream(gateway, text, "acme")
    assert items_sent_to_triton(gateway) == before + 1
    wait_until(lambda: ask(gateway, text, key="acme")[0] == "hit")


@pytest.mark.parametrize("path", ["", "/models/topics", "/models/topics/versions/2"])
def test_a_deletion_reaches_the_memory_tier_of_every_gateway(start, redis, text, path):
    one, other = (start(**keys("acme", "ops"), cache_refresh_s=0.2) for _ in range(2))
    fill(one, redis, text, key="acme")
    assert [ask(gateway, text, key="acme")[0] for gateway in (one, other)] == ["hit", "hit"]
    assert httpx.delete(f"{one.url}/v1/cache{path}").status_code == 401
    assert delete(one, path, "acme").status_code == 403
    assert delete(one, path, "ops").status_code == 200
    wait_until(lambda: _deleted(other, text))
    redis.delete("headrace-generations")  # the workers that have read the number write it back
    wait_until(lambda: redis.exists("headrace-generations"))


def _deleted(gateway, text):
    headers = {"Authorization": "Bearer acme", "Cache-Control": "only-if-cached"}
    return gateway.predict(text, version=2, headers=headers).status_code == 504


def test_a_deletion_is_refused_without_authentication_and_while_the_cache_is_gone(start, own_valkey):
    assert httpx.delete(f"{start().url}/v1/cache").status_code == 403
    gateway = start(**keys("ops"))
    own_valkey.stop()
    assert delete(gateway, "", "ops").status_code == 503


@pytest.mark.parametrize("lease_s", [0, 5])
def test_an_experiment_has_a_share_of_its_requests_bypass_the_cache(start, tmp_path, text, lease_s):
    arms = [{"name": "control", "version": 1, "weight": 0.5}, {"name": "treatment", "version": 2, "weight": 0.5}]
    path = tmp_path / "experiments.yaml"
    path.write_text(yaml.safe_dump({"experiments": [{"key": "e", "model": "topics", "cache_bypass": 0.5, "variants": arms}]}))
    gateway = start(experiments_file=path, cache_lease_s=lease_s)
    answers = [gateway.predict(text, headers={"X-Unit-ID": "one"}) for _ in range(60)]
    seen = [answer.headers["x-cache"] for answer in answers]
    assert 10 < seen.count("bypass") < 50
    assert seen.count("hit") > 10
    assert gateway.metric("headrace_triton_call_items_sum") == len(seen) - seen.count("hit")
    only_cached = {"X-Unit-ID": "one", "Cache-Control": "only-if-cached"}
    assert {gateway.predict(text, headers=only_cached).status_code for _ in range(20)} == {200}
    known = {"X-Unit-ID": "one", "If-None-Match": answers[0].headers["etag"]}
    assert {gateway.predict(text, headers=known).status_code for _ in range(60)} == {200, 304}
    assert {gateway.predict(text, version=2).headers["x-cache"] for _ in range(10)} <= {"miss", "hit"}


def test_rows_that_are_too_large_are_not_stored(start, redis, text):
    gateway = start(cache_max_value_bytes=8)
    assert [ask(gateway, text)[0] for _ in range(3)] == ["miss"] * 3
    assert gateway.metric("headrace_cache_refused_total", version="2") == 3
    assert redis.keys("headrace:*") == []


def test_the_savings_of_hits_are_counted_in_seconds_and_money(start, redis, text):
    gateway = start(price_usd_per_hour=36)
    fill(gateway, redis, text)
    for _ in range(20):
        ask(gateway, text)
    wait_until(lambda: gateway.metric("headrace_cache_saved_seconds_total", version="2") > 0)
    saved = dict(re.findall(r'^headrace_cache_saved_(seconds|usd)_total\{.*version="2"\} (\S+)$', gateway.metrics_page(), re.MULTILINE))
    assert float(saved["usd"]) == pytest.approx(float(saved["seconds"]) * 36 / 3600)
