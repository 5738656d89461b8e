"""The names that a client makes up reach error messages and the log cut short, and printable."""

import hashlib
import json

import pytest
from bodies import BODIES, HERE, TASKS, filled
from starlette.testclient import TestClient
from tritonclient.grpc import service_pb2 as pb

from gateway.app import create_app
from gateway.errors import GatewayError
from gateway.fakes.manifests import make_manifest
from gateway.fakes.state import FakeState
from gateway.fakes.triton import FakeTriton
from gateway.faults import MAX_NAME_CHARS
from gateway.grpc_server import messages
from gateway.observability.request_log import MAX_PATH_CHARS
from gateway.settings.settings import Settings

LONG = "k" * 5000
NAME = f"\x1b[31m\u202e{LONG}"
VALUES = {
    "unknown": {NAME: 1},
    "null": {NAME: None},
    "in a list": [{NAME: 1}],
    "twice": {NAME: {NAME: []}},
    "as a text": NAME,
}
MOST_BYTES = 1500
KEY = "hr_of_the_tests"


@pytest.fixture(scope="module")
def client():
    triton = FakeTriton(*(make_manifest(model, 1, task) for model, task in TASKS.items()))
    admin = f"ops:{hashlib.sha256(KEY.encode()).hexdigest()}:predict+admin+experiments"
    app = create_app(Settings(auth="keys", api_keys=admin, default_models="root=minilm"), triton=triton, state=FakeState())
    with TestClient(app, raise_server_exceptions=False, headers={"Authorization": f"Bearer {KEY}"}) as client:
        yield client


def is_safe(text):
    return LONG[: MAX_NAME_CHARS + 1] not in text and text.replace("\n", "").isprintable()


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize(("path", "body"), BODIES, ids=lambda value: value if isinstance(value, str) else json.dumps(value))
def test_a_name_that_the_client_made_up_is_cut_and_printable(client, capsys, path, body, kind):
    content = filled(body, lambda _: json.dumps(VALUES[kind]).encode(), 0)
    answer = client.request("PUT" if path.endswith(("/limits", "/experiments/lora")) else "POST", path, content=content)
    if answer.status_code >= 400:
        assert len(answer.content) < MOST_BYTES
        assert is_safe(json.dumps(answer.json(), ensure_ascii=False))
    said = capsys.readouterr()
    assert is_safe(said.out), said.out
    assert is_safe(said.err), said.err


def refusal(message):
    try:
        messages.parse(message)
    except GatewayError as exc:
        return exc.message
    return ""


def test_every_body_has_its_place():
    assert all(json.dumps(body).count(HERE) == 1 for _, body in BODIES)


@pytest.mark.parametrize(
    "message",
    [
        pb.ModelInferRequest(inputs=[pb.ModelInferRequest.InferInputTensor(name=NAME)]),
        pb.ModelInferRequest(inputs=[pb.ModelInferRequest.InferInputTensor(name="TEXT", datatype=NAME)]),
        pb.ModelInferRequest(parameters={NAME: pb.InferParameter(string_param=NAME)}),
        pb.ModelInferRequest(parameters={"timeout": pb.InferParameter(string_param=NAME)}),
        pb.ModelInferRequest(outputs=[pb.ModelInferRequest.InferRequestedOutputTensor(name=NAME)]),
    ],
)
def test_a_name_in_a_grpc_message_is_cut_and_printable(message):
    told = refusal(message)
    assert is_safe(told)
    assert len(told) < MOST_BYTES


@pytest.mark.parametrize("path", [f"/v1/models/{LONG}:predict", f"/v2/models/{LONG}/infer", f"/models/{LONG}", f"/{LONG}"])
def test_a_path_is_not_repeated_and_is_cut_in_the_log(client, capsys, path):
    answer = client.post(path, json={"instances": ["a"], "inputs": "a"})
    assert answer.status_code in {400, 404, 422}
    assert is_safe(answer.text)
    assert LONG[:MAX_PATH_CHARS] not in capsys.readouterr().out
