"""A version's package is replaced under its number, and rolled back, while it is asked."""

import shutil
import threading

import httpx
import pytest
from gateway_process import GatewayProcess
from google.protobuf import text_format
from packaged_registry import LABELS, Registry
from tritonclient.grpc.model_config_pb2 import ModelConfig

from gateway.embedded.valkey import Valkey
from model_repository.server import TritonServer

pytestmark = pytest.mark.integration
PACKAGES = {"A": LABELS, "B": LABELS[::-1]}
"""The labels of two packages of one graph: they answer each text otherwise."""
TEXTS = [f"alna bero {word}" for word in ("cona", "duna", "elta", "fito", "gova", "huvo")]


@pytest.fixture(scope="module")
def registry(tasks_repository, tmp_path_factory):
    version = tasks_repository.folder / "weather/1"
    made = Registry(tmp_path_factory.mktemp("packages"), (version / "model.onnx").read_bytes(), (version / "tokenizer.json").read_bytes())
    made.add(1, labels=PACKAGES["A"])
    return made


@pytest.fixture(scope="module")
def valkey():
    """A cache of its own: package A is that of the models of other tests."""
    with Valkey() as server:
        yield server


@pytest.fixture(scope="module")
def triton(registry):
    with TritonServer.start(registry.repository, grace_s=0) as server:
        yield server


@pytest.fixture(scope="module")
def best(triton):
    """By text, which of its numbers is highest, as Triton itself says."""
    tensor = {"name": "TEXT", "shape": [len(TEXTS), 1], "datatype": "BYTES", "data": TEXTS}
    asked = {"inputs": [tensor], "outputs": [{"name": "SCORES"}, {"name": "DIGEST"}]}
    outputs = httpx.post(f"http://{triton.http_url}/v2/models/weather/infer", json=asked).json()["outputs"]
    [scores] = [output["data"] for output in outputs if output["name"] == "SCORES"]
    rows = [scores[3 * i : 3 * i + 3] for i in range(len(TEXTS))]
    return {text: row.index(max(row)) for text, row in zip(TEXTS, rows, strict=True)}


def put(registry, triton, package):
    registry.add(1, labels=PACKAGES[package])
    triton.load("weather")


def ask(gateway, *texts):
    answer = httpx.post(f"{gateway.url}/v1/models/weather:predict", json={"instances": texts}, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-cache"], [prediction["label"] for prediction in answer.json()["predictions"]]


def test_after_a_reexport_and_a_rollback_every_answer_is_of_the_package_that_is_there(registry, triton, best, valkey, tmp_path):
    def answered(package, *texts):
        return [PACKAGES[package][best[text]] for text in texts]

    with GatewayProcess(log=tmp_path / "log", triton_url=triton.http_url, cache_url=valkey.url) as gateway:
        assert ask(gateway, TEXTS[0]) == ("miss", answered("A", TEXTS[0]))
        put(registry, triton, "B")
        # at once: the gateway reads its catalog every two seconds
        assert ask(gateway, TEXTS[1]) == ("miss", answered("B", TEXTS[1]))
        assert ask(gateway, *TEXTS[:3]) == ("partial", answered("B", *TEXTS[:3]))
        put(registry, triton, "A")
        # what is not cached tells the gateway at once; till its next look, a hit is still of B
        assert ask(gateway, TEXTS[3]) == ("miss", answered("A", TEXTS[3]))
        assert ask(gateway, TEXTS[1]) == ("miss", answered("A", TEXTS[1]))
        assert ask(gateway, TEXTS[0]) == ("hit", answered("A", TEXTS[0]))


def test_no_request_fails_while_a_package_is_replaced(registry, triton, best, valkey, tmp_path):
    found, over = [], threading.Event()

    def go_on_asking(gateway):
        with httpx.Client(timeout=30, headers={"Cache-Control": "no-cache"}) as client:
            while not over.is_set():
                answer = client.post(f"{gateway.url}/v1/models/weather:predict", json={"instances": TEXTS})
                found.append((answer.status_code, answer.json().get("predictions", answer.text)))

    with GatewayProcess(log=tmp_path / "log", triton_url=triton.http_url, cache_url=valkey.url) as gateway:
        asking = [threading.Thread(target=go_on_asking, args=(gateway,)) for _ in range(3)]
        for thread in asking:
            thread.start()
        for package in ("B", "A"):
            put(registry, triton, package)
        over.set()
        for thread in asking:
            thread.join()
    labels = {package: [own[best[text]] for text in TEXTS] for package, own in PACKAGES.items()}
    assert {status for status, _ in found} == {200}
    assert all([prediction["label"] for prediction in predictions] in labels.values() for _, predictions in found)


def test_packages_from_before_the_tensors_of_today_answer_as_they_are(registry, best, tmp_path):
    shutil.copytree(registry.repository, tmp_path / "models")
    path = tmp_path / "models/weather/config.pbtxt"
    config = text_format.Parse(path.read_text(), ModelConfig())
    for tensors in (config.input, config.output):
        for tensor in [tensor for tensor in tensors if tensor.name in ("DIGEST", "PARAMETERS")]:
            tensors.remove(tensor)
    assert [[tensor.name for tensor in tensors] for tensors in (config.input, config.output)] == [["TEXT"], ["SCORES", "TOKENS", "ERROR"]]
    path.write_text(text_format.MessageToString(config))
    with (
        TritonServer.start(tmp_path / "models", grace_s=0) as triton,
        GatewayProcess(log=tmp_path / "log", triton_url=triton.http_url) as gateway,
    ):
        assert ask(gateway, *TEXTS)[1] == [PACKAGES["A"][best[text]] for text in TEXTS]
