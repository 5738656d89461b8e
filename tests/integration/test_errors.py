"""Each error has its status and a sentence, and the gateway survives them all."""

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


@pytest.mark.parametrize(
    ("content", "headers", "status", "sentence"),
    [
        (b"not json", {}, 400, "the body is not JSON"),
        (b'{"instances": ["\xff\xfe"]}', {}, 400, "the body is not JSON in UTF-8"),
        (body("a"), {"X-Request-Timeout-Ms": "soon"}, 400, "X-Request-Timeout-Ms"),
        (body("a"), {"X-Unit-ID": "u" * 10_000}, 400, "X-Unit-ID"),
        (body(), {}, 422, "at least one text"),
        (body(*["a"] * 65), {}, 422, "at most 64"),
        (body(7), {}, 422, "instances.0: must be a string"),
        (body("a", version=7), {}, 404, "no version 7; there are: 1, 2"),
        (body("a" * 1_000_000), {}, 413, "instances.0 has 1000000 bytes"),
        (body("a" * 3_000_000), {}, 413, "the body has more than"),
        (body("a quick one"), {"X-Request-Timeout-Ms": "0.01"}, 504, "did not come in time"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_bad_input_gets_its_status_and_a_sentence(gateway, content, headers, status, sentence):
    answer = send(gateway, content, **headers)
    assert (answer.status_code, sentence in answer.json()["error"]) == (status, True), answer.text
    assert send(gateway, body("still alive")).status_code == 200


def test_unknown_paths_and_models_are_not_found(gateway):
    for path in ("/v1/models/none", "/nowhere", "/v1/models/"):
        answer = httpx.get(gateway.url + path, headers={"Host": "elsewhere.example"})
        assert (answer.status_code, bool(answer.json()["error"]), "location" in answer.headers) == (404, True, False)
    answer = httpx.post(f"{gateway.url}/v1/models/none:predict", content=body("a"))
    assert (answer.status_code, answer.json()) == (404, {"error": "no such model; there are: topics"})
    assert httpx.get(gateway.predict_url).status_code == 405


def test_api_key_is_asked_for_where_keys_are_configured(start_gateway, triton):
    digest = hashlib.sha256(b"s3cret").hexdigest()
    gateway = start_gateway(triton_url=triton.http_url, auth="keys", api_keys=f"acme:{digest}")
    refused = send(gateway, body("a"))
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert httpx.get(f"{gateway.url}/v1/models").status_code == 401
    assert send(gateway, body("a"), Authorization="Bearer s3cret").status_code == 200
    wait_until(lambda: '"tenant":"acme"' in gateway.log.read_text())


async def test_more_waiting_texts_than_permits_are_shed(start_gateway, triton):
    gateway = start_gateway(triton_url=triton.http_url, max_pending=64)
    async with httpx.AsyncClient(timeout=30) as client:
        bodies = [{"instances": [f"{i} {j}" for j in range(64)], "version": 2} for i in range(6)]
        answers = await asyncio.gather(*(client.post(gateway.predict_url, json=item) for item in bodies))
    shed = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {200, 429}
    assert {answer.headers["retry-after"] for answer in shed} <= {"1", "2"}
    assert (await asyncio.to_thread(gateway.predict, "after the rush", version=2)).status_code == 200


def test_request_id_comes_back_and_stands_in_the_log(gateway):
    answer = gateway.predict("maize", headers={"X-Request-ID": "my-id-1"})
    assert answer.headers["x-request-id"] == "my-id-1"
    wait_until(lambda: '"my-id-1"' in gateway.log.read_text())
    [line] = [json.loads(line) for line in gateway.log.read_text().splitlines() if '"my-id-1"' in line]
    assert (line["status"], line["model"], line["instances"]) == (200, "topics", 1)
    assert "maize" not in gateway.log.read_text()


def test_gateway_that_never_saw_a_triton_is_alive_but_not_ready(tmp_path):
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
