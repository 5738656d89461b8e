"""API keys, overload, request ids and a missing Triton, on running gateways.

`tests/gateway/routes/test_errors.py` covers the statuses and sentences for bad input.
"""

import asyncio
import hashlib
import json

import httpx
import pytest
from gateway_process import GatewayProcess, free_port, wait_until

pytestmark = pytest.mark.integration


def send(gateway, content, **headers):
    return httpx.post(gateway.predict_url, content=content, headers={"Content-Type": "application/json", **headers}, timeout=30)


def body(*texts, **more):
    return json.dumps({"instances": list(texts), **more})


def test_an_api_key_is_required_where_keys_are_configured(start_gateway, triton):
    digest = hashlib.sha256(b"s3cret").hexdigest()
    gateway = start_gateway(triton_url=triton.http_url, auth="keys", api_keys=f"acme:{digest}")
    refused = send(gateway, body("a"))
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert httpx.get(f"{gateway.url}/v1/models").status_code == 401
    assert send(gateway, body("a"), Authorization="Bearer s3cret").status_code == 200
    wait_until(lambda: '"tenant":"acme"' in gateway.log.read_text())


async def test_texts_beyond_what_may_wait_are_shed(start_gateway, triton):
    gateway = start_gateway(triton_url=triton.http_url, max_pending=64)
    async with httpx.AsyncClient(timeout=30) as client:
        bodies = [{"instances": [f"{i} {j}" for j in range(64)], "version": 2} for i in range(6)]
        answers = await asyncio.gather(*(client.post(gateway.predict_url, json=item) for item in bodies))
    shed = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {200, 429}
    assert all(1 <= int(answer.headers["retry-after"]) <= 30 for answer in shed)
    assert (await asyncio.to_thread(gateway.predict, "after the rush", version=2)).status_code == 200


def test_the_request_id_is_in_the_response_and_in_the_log(gateway):
    answer = gateway.predict("maize", headers={"X-Request-ID": "my-id-1"})
    assert answer.headers["x-request-id"] == "my-id-1"
    wait_until(lambda: '"my-id-1"' in gateway.log.read_text())
    [line] = [json.loads(line) for line in gateway.log.read_text().splitlines() if '"my-id-1"' in line]
    assert (line["status"], line["model"], line["instances"]) == (200, "topics", 1)
    assert "maize" not in gateway.log.read_text()


def test_a_gateway_that_never_saw_a_triton_is_alive_but_not_ready(tmp_path):
    gateway = GatewayProcess(log=tmp_path / "gateway.log", triton_url=f"127.0.0.1:{free_port()}")
    try:
        wait_until(lambda: "catalog not read" in gateway.log.read_text())
        wait_until(lambda: _status(f"{gateway.url}/livez") == 200)
        assert _status(f"{gateway.url}/readyz") == 503
        answer = gateway.predict("a")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    finally:
        gateway.stop()


def _status(url):
    try:
        return httpx.get(url).status_code
    except httpx.TransportError:
        return None
