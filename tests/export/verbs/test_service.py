"""Load, unload, promote, roll back and remove while requests flow: no request fails.

A real tritonserver and a real gateway run.
"""

import threading
from collections import Counter
from dataclasses import replace

import httpx
import numpy as np
import pytest
from gateway_process import GatewayProcess, wait_until
from tritonclient.grpc import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException

from export.__main__ import main
from model_repository import config
from model_repository.manifest import GRAPH, TOKENIZER
from model_repository.server import TritonServer
from model_repository.signature import PrivateKey

pytestmark = pytest.mark.integration
LABELS = {1: ("cold", "mild", "warm"), 2: ("one", "two", "three"), 3: ("red", "green", "blue")}
DRAIN_S = 1.5
PAUSE_S = 0.005
"""What leaves the loads and unloads under test the CPU that they need."""


@pytest.fixture
def served(registry, onnx_classifier, tmp_path):
    """Three versions of a real classifier, and a Triton that serves them.

    The versions differ in the names of their labels.
    """
    made = type(registry)(tmp_path / "served", (onnx_classifier / GRAPH).read_bytes(), (onnx_classifier / TOKENIZER).read_bytes())
    for version, labels in LABELS.items():
        made.add(version, labels=labels)
    settings = made.settings()
    settings.instance_group[0].count = 1
    config.write(made.repository / "weather" / config.FILE, settings)
    with TritonServer.start(made.repository, log=tmp_path / "triton.log", grace_s=0) as triton:
        yield made, triton


@pytest.fixture
def gateway(served, tmp_path):
    with GatewayProcess(log=tmp_path / "gateway.log", triton_url=served[1].http_url, catalog_refresh_s=0.2) as process:
        yield process


@pytest.fixture
def command(served):
    registry, triton = served

    def run(verb, *arguments):
        return registry(verb, *arguments, "--triton", triton.grpc_url)

    return run


def model_of(gateway):
    return httpx.get(f"{gateway.url}/v1/models/weather").json()


def ask(client, gateway, **body):
    return client.post(f"{gateway.url}/v1/models/weather:predict", json={"instances": ["alna bera", "cono"], **body})


class Traffic:
    """Requests from several threads, each with a short pause between two.

    They go through the gateway to the default version, and to version 1 of Triton itself.
    """

    def __init__(self, gateway, triton):
        self.gateway, self.triton = gateway, triton
        self.failures, self.answered = [], Counter()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=target) for target in (self._through_the_gateway, self._through_the_gateway, self._to_triton)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait_for_more(self):
        """Return when each kind of request was answered some more times."""
        before = self.answered.total(), self.answered["triton"]
        wait_until(lambda: self.failures or (self.answered.total() > before[0] + 50 and self.answered["triton"] > before[1] + 10))

    def _through_the_gateway(self):
        with httpx.Client(timeout=30) as client:
            while not self._over.wait(PAUSE_S):
                answer = ask(client, self.gateway)
                if answer.status_code != 200:
                    self.failures.append((answer.status_code, answer.text))
                    continue
                version = int(answer.headers["x-model-version"])
                self.answered[version] += 1
                labels = {prediction["label"] for prediction in answer.json()["predictions"]}
                if not labels <= set(LABELS[version]):
                    self.failures.append((version, labels))

    def _to_triton(self):
        tensor = InferInput("TEXT", [1, 1], "BYTES")
        tensor.set_data_from_numpy(np.array([[b"alna"]], dtype=np.object_))
        with InferenceServerClient(self.triton.grpc_url) as client:
            while not self._over.wait(PAUSE_S):
                try:
                    client.infer("weather", [tensor], model_version="1", client_timeout=30)
                except InferenceServerException as exc:
                    self.failures.append(("triton", str(exc)))
                self.answered["triton"] += 1


def test_no_request_fails_while_versions_are_promoted_rolled_back_taken_out_put_back_and_removed(served, gateway, command):
    registry, triton = served

    def default_is(version):
        wait_until(lambda: model_of(gateway)["default_version"] == version)

    default_is(3)
    with Traffic(gateway, triton) as traffic:
        steps = [
            (["promote", "weather/1"], 1),
            (["promote", "weather/2"], 2),
            (["rollback", "weather"], 1),
            (["rollback", "weather"], 3),
            (["unload", "weather/3", "--drain-s", DRAIN_S], 2),
            (["load", "weather/3"], 3),
            (["load", "weather"], 3),
            (["promote", "weather/1"], 1),
            (["unload", "weather/3", "--drain-s", DRAIN_S], 1),
            (["gc", "--no-experiments", "--yes"], 1),
        ]
        for arguments, version in steps:
            traffic.wait_for_more()
            assert command(*arguments) == 0
            default_is(version)
            answered = traffic.answered[version]
            wait_until(lambda before=answered, version=version: traffic.failures or traffic.answered[version] > before)
            assert traffic.failures == [], arguments
    assert {version for version in LABELS if traffic.answered[version]} == {1, 2, 3}
    assert model_of(gateway)["promoted_version"] == 1
    # version 2 was the newest in service before the promotion of 1, so a rollback finds it; 3 was
    # out of service
    assert [version["version"] for version in model_of(gateway)["versions"]] == [1, 2]
    assert not (registry.repository / "weather/3").exists()


def test_a_version_out_of_service_stays_out_when_triton_starts_again(served, command, tmp_path):
    registry, triton = served
    assert command("unload", "weather/2", "--drain-s", 0) == 0
    triton.stop()
    with (
        TritonServer.start(registry.repository, log=tmp_path / "again.log", grace_s=0) as again,
        InferenceServerClient(again.grpc_url) as client,
    ):
        assert [client.is_model_ready("weather", str(version)) for version in LABELS] == [True, False, True]


def test_a_whole_model_leaves_triton_and_comes_back(served, command):
    _, triton = served
    with InferenceServerClient(triton.grpc_url) as client:
        assert command("unload", "weather", "--drain-s", 0) == 0
        wait_until(lambda: not any(client.is_model_ready("weather", str(version)) for version in LABELS))
        assert command("load", "weather") == 0
        assert all(client.is_model_ready("weather", str(version)) for version in LABELS)


def test_a_version_that_does_not_load_stops_the_change_until_it_is_taken_out(served, gateway, command, capsys):
    registry, _ = served
    replace(registry, graph=b"no graph").add(4)
    before = registry.files()
    for arguments in (["promote", "weather/4"], ["promote", "weather/2"], ["load", "weather"]):
        assert command(*arguments) == 1
        error = capsys.readouterr().err
        assert "version 4 is at UNAVAILABLE state" in error
        assert error.endswith(
            "Nothing was changed; a version that does not load can be taken out of service with `unload weather/VERSION`\n"
        )
        assert registry.files() == before
    assert command("list") == 0
    assert [line.count("READY") for line in capsys.readouterr().out.splitlines()[1:]] == [1, 1, 1, 0]
    with httpx.Client() as client:
        assert ask(client, gateway).headers["x-model-version"] == "3"
    assert command("unload", "weather/4") == 0
    assert "gateways turn away" not in capsys.readouterr().err, "nobody is served by what does not load"
    assert command("promote", "weather/2") == 0
    wait_until(lambda: model_of(gateway)["default_version"] == 2)
    assert [version["reason"] for version in model_of(gateway)["versions"] if version["version"] == 4] == ["out of service"]


def test_a_gateway_with_a_key_serves_signed_versions_only(served, command, tmp_path, capsys):
    registry, triton = served
    assert main(["keygen", str(tmp_path / "key")]) == 0
    for version in (1, 2):
        assert command("sign", f"weather/{version}", "--key", tmp_path / "key") == 0
    settings = {"triton_url": triton.http_url, "catalog_refresh_s": 0.2, "manifest_public_key": tmp_path / "key.pub"}
    with GatewayProcess(log=tmp_path / "strict.log", **settings) as strict, httpx.Client() as client:
        versions = {version["version"]: version for version in model_of(strict)["versions"]}
        assert [versions[version]["ready"] for version in LABELS] == [True, True, False]
        assert versions[3]["reason"] == "refused: the manifest is not signed"
        assert ask(client, strict).headers["x-model-version"] == "2"
        refused = ask(client, strict, version=3)
        assert refused.status_code == 503
        assert "version 3 of model weather is refused: its signature is missing or wrong; ready: 1, 2" in refused.json()["error"]
        assert "headrace_versions_refused 1.0" in httpx.get(f"{strict.url}/metrics").text
        assert '"event":"version refused"' in strict.log.read_text()

        path = registry.repository / "weather" / config.FILE
        altered = registry.settings()
        altered.parameters["manifest.2"].string_value = altered.parameters["manifest.2"].string_value.replace("two", "2")
        config.write(path, altered)
        triton.load("weather")
        wait_until(lambda: "x-model-version" in ask(client, strict).headers and ask(client, strict).headers["x-model-version"] == "1")
        assert "altered, or signed with another key" in model_of(strict)["versions"][1]["reason"]

        PrivateKey.generate().write(tmp_path / "another")
        assert command("sign", "weather/1", "--key", tmp_path / "another") == 0
        wait_until(lambda: not any(version["version"] == 1 and version["ready"] for version in model_of(strict)["versions"]))
