"""What operators see of a running gateway, and what they change without a restart."""

import asyncio
import hashlib
import json
import os
import socket

import httpx
import pytest
from gateway_process import wait_until

pytestmark = pytest.mark.integration
KEY = {"Authorization": "Bearer s3cret"}
DIGEST = hashlib.sha256(b"s3cret").hexdigest()
ADMINISTERED = {"auth": "keys", "api_keys": f"acme:{DIGEST}:admin+predict"}
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def runtime_file(tmp_path):
    path = tmp_path / "runtime.yaml"
    path.write_text("")
    return path


def lines(gateway):
    """The lines of the log that were written to standard output, all of which are JSON."""
    return [json.loads(line) for line in gateway.log.read_text().splitlines() if line.startswith("{")]


def checks(gateway):
    return httpx.get(f"{gateway.url}/readyz").json()["checks"]


def test_every_line_of_the_log_is_json_with_the_workers_pid(gateway):
    headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "X-Request-ID": 'a"quoted"id', "X-Unit-ID": "bob"}
    assert gateway.predict("corn", headers=headers).status_code == 200
    wait_until(lambda: TRACE in gateway.log.read_text())
    [line] = [line for line in lines(gateway) if line.get("trace_id") == TRACE]
    assert {key: line[key] for key in ("event", "level", "request_id", "status", "model", "experiment", "pid")} == {
        "event": "request",
        "level": "info",
        "request_id": 'a"quoted"id',
        "status": 200,
        "model": "topics",
        "experiment": "topics-lora",
        "pid": gateway.process.pid,
    }
    assert "uvicorn.error" in {line.get("logger") for line in lines(gateway)}


def test_a_malformed_traceparent_is_not_logged(gateway):
    gateway.predict("corn", headers={"traceparent": "00-not-a-trace", "X-Request-ID": "odd"})
    wait_until(lambda: '"odd"' in gateway.log.read_text())
    assert [line for line in lines(gateway) if line.get("request_id") == "odd" and "trace_id" in line] == []


def stages(answer):
    """Milliseconds by stage, in the order of the header."""
    parts = (part.partition(";dur=") for part in answer.headers["server-timing"].split(", "))
    return {name: float(milliseconds) for name, _, milliseconds in parts}


def test_the_stages_of_a_request_add_up_to_its_time(gateway):
    texts = [f"corn and wheat {os.urandom(4).hex()}" for _ in range(64)]
    miss = gateway.predict(*texts, headers={"X-Request-ID": "timed"}, version=2)
    assert list(stages(miss)) == ["authenticate", "parse", "assign", "lookup", "admit", "queue", "infer", "answer"]
    wait_until(lambda: '"timed"' in gateway.log.read_text())
    [line] = [line for line in lines(gateway) if line.get("request_id") == "timed"]
    assert 0.9 * line["ms"] < sum(stages(miss).values()) <= line["ms"] + 0.05
    wait_until(lambda: gateway.predict(*texts, version=2).headers["x-cache"] == "hit")
    assert list(stages(gateway.predict(*texts, version=2))) == ["authenticate", "parse", "assign", "lookup", "answer"]
    assert list(stages(gateway.predict("a", version=9))) == ["authenticate", "parse", "fail"]


def test_log_level_and_request_limits_change_in_all_workers_without_a_restart(start_gateway, triton, runtime_file):
    gateway = start_gateway("--workers", 2, triton_url=triton.http_url, runtime_file=runtime_file, **ADMINISTERED)

    def change(**settings):
        runtime_file.write_text(json.dumps(settings))
        in_force = {}

        def all_workers_have_it():
            shown = httpx.get(f"{gateway.url}/debug/config", headers=KEY).json()
            in_force[shown["pid"]] = shown["runtime"]["in_force"]
            return list(in_force.values()) == [settings] * 2

        wait_until(all_workers_have_it)

    def statuses():
        body = {"instances": ["a b c", "d"], "version": 2}
        return {httpx.post(gateway.predict_url, json=body, headers=KEY).status_code for _ in range(12)}

    assert statuses() == {200}
    change(limits={"max_text_bytes": 3})
    assert statuses() == {413}
    change(limits={"max_items": 1})
    assert statuses() == {422}
    change(log_level="warning")
    quiet = gateway.log.stat().st_size
    assert statuses() == {200}
    assert gateway.log.stat().st_size == quiet
    change(log_level="info")
    assert statuses() == {200}
    wait_until(lambda: '"path":"/v1/models/topics:predict"' in gateway.log.read_text()[quiet:])


async def test_queue_limits_of_a_model_change_without_a_restart(start_gateway, triton, runtime_file):
    gateway = start_gateway(triton_url=triton.http_url, runtime_file=runtime_file)

    async def statuses(requests):
        async with httpx.AsyncClient(timeout=30) as client:
            bodies = [{"instances": [f"{os.urandom(4).hex()} {j}" for j in range(32)], "version": 2} for _ in range(requests)]
            answers = await asyncio.gather(*(client.post(gateway.predict_url, json=body) for body in bodies))
        return {answer.status_code for answer in answers}

    async def change(**settings):
        before = gateway.log.read_text().count("runtime settings read")
        runtime_file.write_text(json.dumps(settings))
        await asyncio.to_thread(wait_until, lambda: gateway.log.read_text().count("runtime settings read") > before)

    assert await statuses(4) == {200}
    await change(models={"topics": {"max_pending": 1}})
    # a request of any size is admitted while the queue is empty
    assert await statuses(4) == {200, 429}
    await change(defaults={"max_pending": 1}, models={"topics": {"max_pending": 512}})
    assert await statuses(4) == {200}


def test_invalid_runtime_settings_are_refused_and_the_last_valid_ones_stay_in_force(start_gateway, triton, runtime_file):
    runtime_file.write_text("limits: {max_text_bytes: 3}")
    gateway = start_gateway(triton_url=triton.http_url, runtime_file=runtime_file)
    assert checks(gateway)["runtime_settings"] == "ok"
    runtime_file.write_text("limits: {max_text_bytes: 3}\nlog_level: loud")
    wait_until(lambda: "log_level" in checks(gateway)["runtime_settings"])
    assert "headrace_runtime_settings_valid 0.0" in httpx.get(f"{gateway.url}/metrics").text
    assert gateway.predict("a long text", version=2).status_code == 413
    assert [line["reason"] for line in lines(gateway) if "refused" in line["event"]] == [checks(gateway)["runtime_settings"]]
    runtime_file.write_text("")
    wait_until(lambda: gateway.predict("a long text", version=2).status_code == 200)
    assert "headrace_runtime_settings_valid 1.0" in httpx.get(f"{gateway.url}/metrics").text


def test_the_configuration_is_shown_without_secrets_to_holders_of_a_key(start_gateway, triton, runtime_file):
    runtime_file.write_text("log_level: debug\nlimits: {request_timeout_ms: 2500}")
    gateway = start_gateway(
        triton_url=triton.http_url,
        cache_url="redis://:p4ssword@127.0.0.1:1/0",
        triton_headers="x-token=h1dden",
        runtime_file=runtime_file,
        **ADMINISTERED,
    )
    url = f"{gateway.url}/debug/config"
    assert httpx.get(url).status_code == 401
    answer = httpx.get(url, headers=KEY)
    assert answer.headers["cache-control"] == "no-store"
    assert not [secret for secret in (DIGEST, "s3cret", "p4ssword", "h1dden") if secret in answer.text]
    shown = answer.json()
    assert shown["settings"]["cache_url"] == {"value": "redis://:***@127.0.0.1:1/0", "source": "environment"}
    assert shown["settings"]["cache_ttl_s"] == {"value": 3600, "source": "default"}
    assert shown["runtime"] == {"in_force": {"log_level": "debug", "limits": {"request_timeout_ms": 2500}}, "fault": None}
    assert (shown["limits"]["request_timeout_s"], shown["pid"]) == (2.5, gateway.process.pid)
    assert shown["catalog"]["models"] == {"topics": {"1": "ready", "2": "ready"}}


def test_a_client_that_disconnects_within_its_request_causes_no_internal_error(gateway):
    with socket.create_connection(("127.0.0.1", gateway.port)) as client:
        client.sendall(b"POST /v1/models/topics:predict HTTP/1.1\r\nHost: a\r\nX-Request-ID: gone\r\nContent-Length: 100\r\n\r\n{")
        wait_until(lambda: "headrace_requests_in_flight 2.0" in httpx.get(f"{gateway.url}/metrics").text)
    wait_until(lambda: '"gone"' in gateway.log.read_text())
    assert [line["status"] for line in lines(gateway) if line.get("request_id") == "gone"] == [499]
    assert "internal error" not in gateway.log.read_text()
