"""NVIDIA's unchanged clients get the same results from the gateway as from Triton."""

import json

import httpx
import numpy as np
import pytest
from triton_clients import CLIENTS, call, endpoint, tensors

pytestmark = pytest.mark.integration

PAIRS, OPTIONS = (
    ("entailment", "ranker", "answers"),
    {"entities": [b"", b'{"aggregation_strategy": "none"}', b"{"], "answers": [b'{"top_k": 2}']},
)
OPTIONS["zero-shot"] = [b'{"candidate_labels": ["alna", "bero"]}', b'{"multi_label": true, "candidate_labels": ["bero"]}']
MODELS = ("weather", "moods", "entailment", "entities", "embeddings", "raw-embeddings", "ranker", "answers", "zero-shot")
NOT_UTF8 = b"\xff\xfe"


def columns_of(model, texts):
    """The inputs of a batch of texts (or of bytes that are no text) for the model's task."""
    columns = {"TEXT": [text if isinstance(text, bytes) else text.encode() for text in texts]}
    if model in PAIRS:
        columns["TEXT_PAIR"] = [*columns["TEXT"][1:], columns["TEXT"][0]]
    if options := OPTIONS.get(model):
        columns["PARAMETERS"] = [options[i % len(options)] for i in range(len(texts))]
    return columns


def assert_same(found, expected, names):
    for name in names:
        ours, theirs = found.as_numpy(name), expected.as_numpy(name)
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype), name
        if theirs.dtype == np.float32:
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6, err_msg=name)
        elif name == "ANSWER":
            for one, other in zip(ours.flat, theirs.flat, strict=True):
                assert approximately(json.loads(one or b"null")) == approximately(json.loads(other or b"null"))
        else:
            assert ours.tolist() == theirs.tolist(), name


def approximately(value):
    """JSON whose floats compare approximately: a batch's order changes their last digits."""
    match value:
        case float():
            return pytest.approx(value, rel=1e-4, abs=1e-6)
        case list():
            return [approximately(one) for one in value]
        case dict():
            return {key: approximately(one) for key, one in value.items()}
    return value


def outputs_of(model):
    return {"embeddings": "EMBEDDING", "raw-embeddings": "EMBEDDING", "entities": "ANSWER", "answers": "ANSWER", "zero-shot": "ANSWER"}.get(
        model, "SCORES"
    )


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("model", MODELS)
async def test_every_task_is_answered_as_triton_answers_it(grpc_gateway, tasks_triton, tasks_repository, model, client):
    columns = columns_of(model, [*tasks_repository.texts[:5], NOT_UTF8, "", " ".join(tasks_repository.texts)])
    names = (outputs_of(model), "TOKENS", "ERROR")
    found, expected = [
        await call(client, endpoint(server, client), "infer", model, tensors(client, columns), request_id="7")
        for server in (grpc_gateway, tasks_triton)
    ]
    assert_same(found, expected, names)
    assert found.as_numpy("ERROR")[5, 0]


@pytest.mark.parametrize("client", ["http", "http.aio"])
@pytest.mark.parametrize("coding", [None, "gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False])
async def test_json_binary_and_compressed_bodies_are_answered_as_triton_answers_them(
    grpc_gateway, tasks_triton, tasks_repository, client, binary, coding
):
    module = CLIENTS[client]
    columns = columns_of("embeddings", tasks_repository.texts[5:15])
    options = {
        "inputs": tensors(client, columns, binary),
        "outputs": [
            module.InferRequestedOutput("EMBEDDING", binary_data=binary),
            module.InferRequestedOutput("TOKENS", binary_data=not binary),
        ],
        "request_compression_algorithm": coding,
        "response_compression_algorithm": coding,
    }
    found, expected = [
        await call(client, endpoint(server, client), "infer", "embeddings", **options) for server in (grpc_gateway, tasks_triton)
    ]
    assert_same(found, expected, ("EMBEDDING", "TOKENS"))
    assert found.as_numpy("ERROR") is None
    assert ("data" in found.get_output("EMBEDDING")) is not binary


@pytest.mark.parametrize("client", CLIENTS)
async def test_classification_versions_and_ids_are_as_those_of_triton(grpc_gateway, tasks_triton, tasks_repository, client):
    module = CLIENTS[client]
    answers = []
    for server in (grpc_gateway, tasks_triton):
        inputs = tensors(client, {"TEXT": [text.encode() for text in tasks_repository.texts[:4]]})
        wanted = [module.InferRequestedOutput("SCORES", class_count=2)]
        answer = await call(client, endpoint(server, client), "infer", "weather", inputs, "1", wanted, "my id")
        response = answer.get_response() if client.startswith("http") else answer.get_response(as_json=True)
        answers.append((response["id"], response["model_version"], answer.as_numpy("SCORES")))
    ours, theirs = answers
    assert ours[:2] == theirs[:2] == ("my id", "1")
    assert ours[2].shape == theirs[2].shape == (4, 2)
    for one, other in zip(ours[2].flat, theirs[2].flat, strict=True):
        value, index = one.decode().split(":")
        assert (approximately(float(value)), index) == (float(other.decode().split(":")[0]), other.decode().split(":")[1])


GENERATED = (
    ("weather", {"TEXT": "alna"}),
    ("weather", {"TEXT": ["alna", "bero"], "id": "7", "parameters": {"mine": 1}, "other": "x"}),
    ("embeddings/versions/1", {"TEXT": "alna"}),
    ("answers", {"TEXT": "alna", "TEXT_PAIR": "alna bero", "PARAMETERS": '{"top_k": 2}'}),
    ("answers", {"TEXT": "alna", "TEXT_PAIR": "alna bero", "PARAMETERS": "nonsense"}),
)


@pytest.mark.parametrize(("model", "body"), GENERATED)
def test_generate_answers_as_tritons_extension_does(grpc_gateway, tasks_triton, model, body):
    def asked(url, verb):
        answer = httpx.post(f"{url}/v2/models/{model}/{verb}", json=body, timeout=60)
        return answer.status_code, answer.headers["content-type"], answer.text

    def read(text):
        found = json.loads(text)
        found.pop("DIGEST", None)  # the gateway's own, which it asks Triton for
        return approximately({name: json.loads(value or "null") if name == "ANSWER" else value for name, value in found.items()})

    servers = grpc_gateway.url, f"http://{tasks_triton.http_url}"
    (status, kind, ours), (expected, _, theirs) = (asked(server, "generate") for server in servers)
    assert (status, kind, read(theirs)) == (expected, "application/json", read(ours)), ours
    (status, kind, ours), (expected, expected_kind, theirs) = (asked(server, "generate_stream") for server in servers)
    assert (status, kind) == (expected, expected_kind)
    begin, end = "data: ", "\n\n"
    assert (ours[:6], ours[-2:]) == (theirs[:6], theirs[-2:]) == (begin, end)
    assert read(theirs.removeprefix(begin)) == read(ours.removeprefix(begin))


def test_health_says_what_the_protocol_has_it_say(grpc_gateway):
    """The bodies of the Open Inference Protocol's `inference_rest.md`."""
    for path, body in (("health/live", {"live": True}), ("health/ready", {"ready": True})):
        assert httpx.get(f"{grpc_gateway.url}/v2/{path}").json() == body
    assert httpx.get(f"{grpc_gateway.url}/v2/models/weather/ready").json() == {"name": "weather", "ready": True}
