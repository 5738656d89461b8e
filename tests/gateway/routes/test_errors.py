"""Each error has its status and a sentence, and the gateway survives them all."""

import hashlib
import json

import pytest

from gateway.admission.admission_queue import GRACE_S

PREDICT = "/v1/models/topics:predict"


def body(*texts, **more):
    return json.dumps({"instances": list(texts), **more})


@pytest.mark.parametrize(
    ("content", "headers", "status", "sentence"),
    [
        (b"not json", {}, 400, "the body is not JSON"),
        (b'{"instances": ["\xff\xfe"]}', {}, 400, "the body is not JSON in UTF-8"),
        (body("a"), {"X-Request-Timeout-Ms": "soon"}, 400, "X-Request-Timeout-Ms"),
        (body("a"), {"X-Unit-ID": "u" * 10_000}, 400, "X-Unit-ID"),
        (body("a"), {"X-Unit-Attributes": "{country: de}"}, 400, "X-Unit-Attributes: must be a JSON object in UTF-8"),
        (body("a"), {"X-Unit-Attributes": "[" * 4000}, 400, "X-Unit-Attributes: must be a JSON object in UTF-8"),
        (body("a"), {"X-Unit-Attributes": "[]"}, 400, "X-Unit-Attributes: must be a JSON object in UTF-8"),
        (body("a"), {"X-Unit-Attributes": f'{{"a": "{"x" * 4096}"}}'}, 400, "X-Unit-Attributes: must be at most 4096 bytes"),
        (body("a"), {"X-Unit-Attributes": '{"id": "b"}', "X-Unit-ID": "a"}, 400, "`id` must be what X-Unit-ID says"),
        (body("a"), {"X-Priority": "urgent"}, 400, "X-Priority: must be one of interactive, batch"),
        (body(), {}, 422, "at least one text"),
        (body(*["a"] * 2049), {}, 422, "at most 2048"),
        (body(7), {}, 422, "instances.0: must be a string"),
        (body("a", version=7), {}, 404, "no version 7; there are: 1, 2"),
        (body("a" * 1_000_000), {}, 413, "instances.0 has 1000000 bytes"),
        (body("a" * 9_000_000), {}, 413, "the body has more than"),
        (body("a quick one"), {"X-Request-Timeout-Ms": "0.01"}, 504, "did not come in time"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_bad_input_gets_its_status_and_a_sentence(start_app, content, headers, status, sentence):
    client = start_app()
    client.triton.hold()  # only what is late comes so far
    answer = client.post(PREDICT, content=content, headers={"Content-Type": "application/json", **headers})
    assert (answer.status_code, sentence in answer.json()["error"]) == (status, True), answer.text
    client.triton.release()
    assert client.post(PREDICT, content=body("still alive")).status_code == 200


@pytest.mark.parametrize("given", ["1_000", "inf", "nan", "0", "-1", "\u0661", "1e999", "1 0", "+5"])
def test_a_time_that_is_no_plain_number_is_refused(start_app, given):
    answer = start_app().post(PREDICT, content=body("a"), headers={"X-Request-Timeout-Ms": given.encode()})
    assert (answer.status_code, "must be a number of milliseconds" in answer.text) == (400, True)


@pytest.mark.parametrize("given", ["1000", "1e3", "500.5", ".5e4"])
def test_a_time_may_be_written_as_any_number(start_app, given):
    assert start_app().post(PREDICT, content=body("a"), headers={"X-Request-Timeout-Ms": given}).status_code == 200


def test_unknown_paths_and_models_are_not_found(start_app):
    client = start_app()
    for path in ("/v1/models/none", "/nowhere", "/v1/nowhere/"):
        answer = client.get(path, headers={"Host": "elsewhere.example"}, follow_redirects=False)
        assert (answer.status_code, bool(answer.json()["error"]), "location" in answer.headers) == (404, True, False)
    answer = client.post("/v1/models/none:predict", content=body("a"))
    assert (answer.status_code, answer.json()) == (404, {"error": "no such model; there are: topics"})
    assert client.get(PREDICT).status_code == 405


def test_more_items_than_a_request_may_have_are_refused(start_app):
    refused = start_app(max_items=2).post(PREDICT, content=body("a", "b", "c"))
    assert (refused.status_code, "at most 2 texts or pairs at once" in refused.json()["error"]) == (422, True)


def test_a_deadline_may_be_longer_than_the_default_up_to_the_maximum(start_app):
    client = start_app(request_timeout_ms=1, max_request_timeout_ms=30_000)
    client.triton.hold()
    assert client.post(PREDICT, content=body("a")).status_code == 504
    client.triton.release()
    patient = client.post(PREDICT, content=body("b"), headers={"X-Request-Timeout-Ms": "1000000"})
    assert (patient.status_code, 29 < client.triton.calls[-1].timeout_s - GRACE_S <= 30) == (200, True)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-stainless-read-timeout": "600"}, 200),
        ({"X-Stainless-Timeout": "600"}, 200),
        ({"x-stainless-read-timeout": "600", "X-Request-Timeout-Ms": "0.01"}, 504),
        ({"x-stainless-read-timeout": "NOT_GIVEN"}, 504),
    ],
)
def test_the_time_that_openais_clients_wait_is_their_deadline(start_app, headers, status):
    client = start_app(request_timeout_ms=0.01)
    assert client.post(PREDICT, content=body("a patient one"), headers=headers).status_code == status


@pytest.mark.parametrize(("named", "seconds"), [(None, 4.0 + 299 * 0.1), ("2000", 2.0), ("50000", 50.0)])
def test_a_deadline_grows_with_the_items_unless_the_client_names_one(start_app, named, seconds):
    client = start_app(request_timeout_ms=4_000, request_timeout_per_item_ms=100)
    headers = {} if named is None else {"X-Request-Timeout-Ms": named}
    assert client.post(PREDICT, content=body(*map(str, range(300))), headers=headers).status_code == 200
    assert seconds - 1 < client.triton.calls[0].timeout_s - GRACE_S <= seconds


def test_a_deadline_grows_up_to_the_maximum(start_app):
    client = start_app(request_timeout_ms=4_000, request_timeout_per_item_ms=100, max_request_timeout_ms=10_000)
    assert client.post(PREDICT, content=body(*map(str, range(300)))).status_code == 200
    assert 9 < client.triton.calls[0].timeout_s - GRACE_S <= 10


def test_a_request_may_have_2048_items_and_comes_to_triton_in_parts(start_app):
    client = start_app()
    texts = [f"{number} words" for number in range(2048)]
    answer = client.post(PREDICT, content=body(*texts))
    assert (answer.status_code, len(answer.json()["predictions"])) == (200, 2048)
    assert max(len(call.items) for call in client.triton.calls) <= 64
    assert sorted(text for call in client.triton.calls for text in call.texts) == sorted(texts), "each text once"


def test_the_configuration_is_shown_to_nobody_without_the_scope_admin(start_app):
    assert start_app().get("/debug/config").status_code == 403
    guarded = start_app(auth="keys", api_keys=f"acme:{hashlib.sha256(b's3cret').hexdigest()}")
    assert guarded.get("/debug/config").status_code == 401
    assert guarded.get("/debug/config", headers={"Authorization": "Bearer s3cret"}).status_code == 403
