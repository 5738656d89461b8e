"""NVIDIA's unchanged clients get metadata of the server and its models, and Triton's errors."""

import json

import grpc
import httpx
import pytest
from gateway_process import infer_request, wait_until
from open_inference_nulls import GENERATE, INFER, TOLERATED
from triton_clients import CLIENTS, call, endpoint, tensors
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub
from tritonclient.utils import InferenceServerException

pytestmark = pytest.mark.integration


def without_digest(metadata):
    """A model's metadata without the output that is the gateway's own, which it asks Triton for."""
    if isinstance(metadata, dict):
        return {**metadata, "outputs": [output for output in metadata["outputs"] if output["name"] != "DIGEST"]}
    [own] = [output for output in metadata.outputs if output.name == "DIGEST"]
    metadata.outputs.remove(own)
    return metadata


@pytest.mark.parametrize("client", CLIENTS)
async def test_metadata_configuration_and_readiness_are_as_those_of_triton(grpc_gateway, tasks_triton, client):
    async def both(method, *arguments):
        return [await call(client, endpoint(server, client), method, *arguments) for server in (grpc_gateway, tasks_triton)]

    for method, *arguments in (
        ("is_server_live",),
        ("is_server_ready",),
        ("is_model_ready", "answers"),
        ("is_model_ready", "embeddings", "2"),
        ("is_model_ready", "none"),
        ("is_model_ready", "embeddings", "9"),
        ("get_model_metadata", "embeddings"),
        ("get_model_metadata", "embeddings", "2"),
        ("get_model_config", "answers"),
        ("get_model_config", "embeddings", "1"),
    ):
        ours, theirs = await both(method, *arguments)
        assert ours == (without_digest(theirs) if method == "get_model_metadata" else theirs), (method, arguments)
    index, expected = await both("get_model_repository_index")
    assert sorted(map(str, getattr(index, "models", index))) == sorted(map(str, getattr(expected, "models", expected)))
    server = await call(client, endpoint(grpc_gateway, client), "get_server_metadata")
    assert (server["name"] if isinstance(server, dict) else server.name) == "headrace"


@pytest.mark.parametrize("client", CLIENTS)
async def test_unsupported_methods_say_so(grpc_gateway, client):
    status = "501" if client.startswith("http") else "StatusCode.UNIMPLEMENTED"
    for method, *arguments in (
        ("get_inference_statistics",),
        ("get_inference_statistics", "weather", "1"),
        ("get_trace_settings",),
        ("get_trace_settings", "weather"),
        ("update_trace_settings", None, {"trace_level": ["OFF"]}),
        ("get_log_settings",),
        ("update_log_settings", {"log_info": False}),
        ("get_system_shared_memory_status",),
        ("register_system_shared_memory", "r", "/r", 8),
        ("unregister_system_shared_memory",),
        ("get_cuda_shared_memory_status",),
        ("load_model", "weather"),
        ("unload_model", "weather"),
    ):
        with pytest.raises(InferenceServerException, match="not ") as error:
            await call(client, endpoint(grpc_gateway, client), method, *arguments)
        assert error.value.status() == status, method


@pytest.mark.parametrize("client", CLIENTS)
async def test_invalid_requests_have_the_statuses_of_triton(grpc_gateway, tasks_triton, client):
    module = CLIENTS[client]
    good = tensors(client, {"TEXT": [b"alna"]})
    cases = [
        ("none", good, {}, ("404", "NOT_FOUND")),
        ("weather", good, {"model_version": "9"}, ("404", "NOT_FOUND")),
        ("weather", [], {}, ("400", "INVALID_ARGUMENT")),
        ("weather", tensors(client, {"TEXT": [b"alna"] * 2049}), {}, ("400", "INVALID_ARGUMENT")),
        ("weather", tensors(client, {"NONE": [b"alna"]}), {}, ("400", "INVALID_ARGUMENT")),
        ("weather", good, {"outputs": [module.InferRequestedOutput("ANSWER")]}, ("400", "INVALID_ARGUMENT")),
        ("entailment", good, {}, ("400", "INVALID_ARGUMENT")),
    ]
    for model, inputs, options, (http_status, code) in cases:
        for server in (grpc_gateway, tasks_triton):
            with pytest.raises(InferenceServerException) as error:
                await call(client, endpoint(server, client), "infer", model, inputs, **options)
            expected = http_status if client.startswith("http") else f"StatusCode.{code}"
            assert error.value.status() == expected, (model, options, error.value)


@pytest.mark.parametrize("client", CLIENTS)
async def test_sequences_and_shared_memory_are_refused(grpc_gateway, client):
    inputs = tensors(client, {"TEXT": [b"alna"]})
    with pytest.raises(InferenceServerException, match="sequences are not supported"):
        await call(client, endpoint(grpc_gateway, client), "infer", "weather", inputs, sequence_id=5, sequence_start=True)
    shared = CLIENTS[client].InferInput("TEXT", [1, 1], "BYTES")
    shared.set_shared_memory("region", 8)
    with pytest.raises(InferenceServerException, match="shared memory is not supported"):
        await call(client, endpoint(grpc_gateway, client), "infer", "weather", [shared])
    wanted = CLIENTS[client].InferRequestedOutput("SCORES")
    wanted.set_shared_memory("region", 64)
    with pytest.raises(InferenceServerException, match="shared memory is not supported"):
        await call(client, endpoint(grpc_gateway, client), "infer", "weather", inputs, outputs=[wanted])


@pytest.mark.parametrize("client", CLIENTS)
async def test_the_timeout_parameter_of_a_request_is_its_deadline(grpc_gateway, client):
    inputs = tensors(client, {"TEXT": [f"alna bero too late {client}".encode()]})
    with pytest.raises(InferenceServerException, match="did not come in time"):
        await call(client, endpoint(grpc_gateway, client), "infer", "weather", inputs, timeout=1)


def test_an_item_that_cannot_be_processed_is_not_cached_and_its_neighbours_are(grpc_gateway, tasks_repository):
    body = {"inputs": [{"name": "TEXT", "shape": [2, 1], "datatype": "BYTES", "data": [tasks_repository.texts[0] + " once", "\u0000"]}]}
    body["inputs"].append({"name": "PARAMETERS", "shape": [2, 1], "datatype": "BYTES", "data": ["", "{"]})
    url = f"{grpc_gateway.url}/v2/models/entities/infer"
    answers = [httpx.post(url, json=body)]

    def asked_again():
        answers.append(httpx.post(url, json=body))
        return answers[-1].headers["x-cache"] == "partial"

    wait_until(asked_again)
    assert (answers[0].status_code, answers[0].headers["x-cache"]) == (200, "miss")
    first, last = ({output["name"]: output["data"] for output in answer.json()["outputs"]} for answer in (answers[0], answers[-1]))
    assert first == last
    assert [bool(reason) for reason in last["ERROR"]] == [False, True]


@pytest.mark.parametrize(
    ("model", "instance", "columns"),
    [
        ("weather", {"text": "alna bero cona"}, {"TEXT": ["alna bero cona"]}),
        ("entailment", {"text": "alna", "text_pair": "bero"}, {"TEXT": ["alna"], "TEXT_PAIR": ["bero"]}),
        ("embeddings", {"text": "alna dutavo"}, {"TEXT": ["alna dutavo"]}),
        ("ranker", {"query": "alna gova", "documents": ["bero gova"]}, {"TEXT": ["alna gova"], "TEXT_PAIR": ["bero gova"]}),
        (
            "entities",
            {"text": "alna bero"},
            {"TEXT": ["alna bero"], "PARAMETERS": ['{"aggregation_strategy": "first"}']},
        ),
        (
            "zero-shot",
            {"text": "alna"},
            {"TEXT": ["alna"], "PARAMETERS": [' {"multi_label": false,  "candidate_labels": ["b", "a"]}']},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_row_cached_by_one_dialect_is_a_hit_in_the_others(grpc_gateway, model, instance, columns):
    parameters = json.loads(columns.get("PARAMETERS", ["{}"])[0])
    asked = httpx.post(
        f"{grpc_gateway.url}/v1/models/{model}:predict", json={"instances": [instance], "parameters": parameters}, timeout=30
    )
    assert (asked.status_code, asked.headers["x-cache"]) == (200, "miss")
    inputs = [{"name": name, "shape": [1, 1], "datatype": "BYTES", "data": values} for name, values in columns.items()]
    url = f"{grpc_gateway.url}/v2/models/{model}/infer"
    wait_until(lambda: httpx.post(url, json={"inputs": inputs}).headers["x-cache"] == "hit")
    with grpc.insecure_channel(grpc_gateway.grpc_url) as channel:
        request = infer_request(model, {name: [value.encode() for value in values] for name, values in columns.items()})
        _, rpc = GRPCInferenceServiceStub(channel).ModelInfer.with_call(request)
    assert dict(rpc.initial_metadata())["x-cache"] == "hit"


def test_null_is_taken_and_refused_where_triton_does(tasks_triton):
    """What the gateway does with each of these bodies is tested beside the list of Triton's."""
    url = f"http://{tasks_triton.http_url}/v2/models/weather"
    taken = {place for place, body in INFER.items() if httpx.post(f"{url}/infer", json=body).is_success}
    assert taken == TOLERATED
    assert not any(httpx.post(f"{url}/generate", json=body).is_success for body in GENERATE.values())
