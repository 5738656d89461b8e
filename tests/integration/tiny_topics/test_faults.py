"""Parts of the stack stop and start while the gateway answers."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import uuid

import httpx
import psutil
import pytest
from gateway_process import GatewayProcess, wait_until

from gateway.embedded.valkey import Valkey
from model_repository import config as contract
from model_repository.manifest import read_versions
from model_repository.server import TritonError, TritonServer

pytestmark = pytest.mark.integration


class Traffic:
    """A client that sends requests without a pause while the context is entered.

    `statuses` counts the responses by status.
    """

    def __init__(self, gateway, **body):
        self.statuses = {}
        self._gateway, self._body, self._over = gateway, body, threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def _ask(self):
        with httpx.Client(timeout=30) as client:
            while not self._over.is_set():
                status = client.post(self._gateway.predict_url, json={"instances": [uuid.uuid4().hex], **self._body}).status_code
                self.statuses[status] = self.statuses.get(status, 0) + 1

    def __enter__(self):
        self._thread.start()
        wait_until(lambda: self.statuses)
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


@pytest.fixture
def own_repository(repository, tmp_path):
    """A copy of the repository with version 1 only, and a function that adds a version to it."""
    folder = tmp_path / "models"
    shutil.copytree(repository, folder)
    shutil.rmtree(folder / "topics/2")
    _write_config(folder)

    def add(version, source=2):
        shutil.copytree(repository / f"topics/{source}", folder / f"topics/{version}")
        manifest = folder / f"topics/{version}/manifest.json"
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "version": version}))
        _write_config(folder)
        return folder / f"topics/{version}"

    return folder, add


def _write_config(folder):
    path = folder / "topics/config.pbtxt"
    contract.write(path, contract.updated(contract.read(path), read_versions(folder / "topics")))


def test_a_version_is_added_and_a_broken_one_refused_under_traffic(own_repository, start_gateway, valkey):
    folder, add = own_repository
    with TritonServer.start(folder, grace_s=0) as triton:
        gateway = start_gateway(triton_url=triton.http_url, cache_url=valkey.url, catalog_refresh_s=0.1)
        assert gateway.predict("corn", version=2).status_code == 404
        with Traffic(gateway, version=1) as old:
            add(2)
            triton.load("topics")
            wait_until(lambda: gateway.predict("corn", version=2).status_code == 200)
            with Traffic(gateway, version=2) as new:
                broken = add(3)
                (broken / "model.onnx").write_bytes(b"not a graph")
                with pytest.raises(TritonError, match=r"model\.onnx"):
                    triton.load("topics")
                before = dict(new.statuses)
                wait_until(lambda: new.statuses[200] > before[200] + 20)
        assert (set(old.statuses), set(new.statuses)) == ({200}, {200})
        refused = gateway.predict("corn", version=3)
        assert (refused.status_code, refused.json()["error"]) == (404, "model topics has no version 3; there are: 1, 2")


def test_hits_are_answered_while_triton_is_gone_and_misses_are_refused(repository, tmp_path):
    with GatewayProcess("--embedded", "--repository", repository, log=tmp_path / "gateway.log") as gateway:
        known = _cached_text(gateway)
        os.kill(gateway.child_pid("Triton"), signal.SIGKILL)
        wait_until(lambda: gateway.predict(uuid.uuid4().hex, version=2).status_code == 503)
        refused = gateway.predict(uuid.uuid4().hex, version=2)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        hit = gateway.predict(known, version=2)
        assert (hit.status_code, hit.headers["x-cache"]) == (200, "hit")
        wait_until(lambda: "Triton has exited with code -9" in gateway.log.read_text())
        assert gateway.stop(signal.SIGINT) == 0
    assert _running(gateway) == []


def _cached_text(gateway):
    text = uuid.uuid4().hex
    wait_until(lambda: gateway.predict(text, version=2).headers["x-cache"] == "hit")
    return text


def _running(gateway):
    """The processes of a gateway and its children that still run; its log names their pids."""
    pids = [gateway.process.pid, gateway.child_pid("Triton"), gateway.child_pid("Valkey")]
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


def test_triton_restart_needs_no_gateway_restart(repository, start_gateway):
    with TritonServer.start(repository, grace_s=0) as first:
        gateway = start_gateway(triton_url=first.http_url, catalog_refresh_s=0.2)
        assert gateway.predict("corn", version=2).status_code == 200
        port = first.http_url.rpartition(":")[2]
    assert gateway.predict("corn", version=2).status_code == 503
    with TritonServer.start(repository, grace_s=0) as second, _forwarded(int(port), second.http_url):
        wait_until(lambda: gateway.predict("corn", version=2).status_code == 200)


class _forwarded:
    """Forwards a loopback port to an address, as a Service does after its pod was replaced."""

    def __init__(self, port, target):
        host, _, target_port = target.partition(":")
        self._target = (host, int(target_port))
        self._listener = socket.create_server(("127.0.0.1", port))

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)  # closing it would not wake the thread that accepts
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass  # the other direction has closed both sockets
        finally:
            source.close()
            sink.close()


def test_requests_are_answered_while_the_cache_is_gone(triton, start_gateway):
    with Valkey() as own:
        gateway = start_gateway(triton_url=triton.http_url, cache_url=own.url)
        text = _cached_text(gateway)
        before = gateway.predict(text, version=2)
    after, other = gateway.predict(text, version=2), gateway.predict(uuid.uuid4().hex, version=2)
    assert (after.headers["x-cache"], after.json()) == ("hit", before.json()), "the answer comes from the worker's memory"
    assert (other.status_code, other.headers["x-cache"]) == (200, "miss")
    assert gateway.metric("headrace_cache_errors_total", operation="get") > 0


def test_a_foreign_value_under_our_key_is_a_miss_and_is_replaced(triton, valkey, start_gateway):
    from redis import Redis

    from gateway.cache.key import key, namespace
    from gateway.request.prediction import Item

    gateway = start_gateway(triton_url=triton.http_url, cache_url=valkey.url)
    text = uuid.uuid4().hex
    digest = httpx.get(f"{gateway.url}/v1/models/topics").json()["versions"][1]["digest"]
    Redis(unix_socket_path=str(valkey.socket)).set(key(namespace(digest, "", b"0,0,0,0"), Item(text.encode())), b"foreign")
    assert gateway.predict(text, version=2).headers["x-cache"] == "miss"
    wait_until(lambda: gateway.predict(text, version=2).headers["x-cache"] == "hit")


def test_debians_redis_serves_as_the_cache(triton, start_gateway, redis_url):
    gateway = start_gateway(triton_url=triton.http_url, cache_url=redis_url)
    _cached_text(gateway)
    assert gateway.metric("headrace_cache_errors_total") == 0


def test_the_experiments_file_is_read_again_and_an_invalid_one_is_refused(gateway, tmp_path):
    path = tmp_path / "experiments.yaml"
    good = path.read_text()
    path.write_text(good.replace("weight: 0.5", "weight: 0.7"))
    wait_until(lambda: "the weights add up to 1.4" in httpx.get(f"{gateway.url}/readyz").text)
    assert {gateway.predict("corn").headers["x-variant"] for _ in range(30)} == {"control", "treatment"}
    path.write_text(
        good.replace("version: 1, weight: 0.5", "version: 1, weight: 0").replace("version: 2, weight: 0.5", "version: 2, weight: 1")
    )
    wait_until(lambda: httpx.get(f"{gateway.url}/readyz").json()["checks"]["experiments"] == "ok")
    assert {gateway.predict("corn").headers["x-variant"] for _ in range(30)} == {"treatment"}


def test_requests_in_flight_are_answered_after_sigterm(start_gateway, triton):
    gateway = start_gateway(triton_url=triton.http_url)
    texts = [f"{i} {uuid.uuid4().hex} " * 60 for i in range(64)]
    answers = []
    asking = threading.Thread(target=lambda: answers.append(gateway.predict(*texts, version=2).status_code))
    asking.start()
    wait_until(lambda: gateway.metric("headrace_pending_items", version="2") > 0)
    assert gateway.stop(signal.SIGTERM) == 0
    asking.join()
    assert answers == [200]


def test_workers_share_the_port_and_their_metrics_add_up(start_gateway, triton, valkey):
    gateway = start_gateway("--workers", 2, triton_url=triton.http_url, cache_url=valkey.url)
    for _ in range(10):
        assert gateway.predict("corn", version=2).status_code == 200
    assert gateway.metric("headrace_requests_total", status="200", model="topics") == 10
    assert gateway.stop(signal.SIGTERM) == 0


def test_a_taken_port_stops_the_start_with_one_sentence(gateway):
    environment = {**os.environ, "HEADRACE_PORT": str(gateway.port)}
    done = subprocess.run([sys.executable, "-m", "gateway", "--embedded"], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"cannot listen on 127.0.0.1:{gateway.port} (Address already in use): set HEADRACE_PORT to a free port\n"


def test_an_invalid_setting_stops_the_start_with_one_sentence():
    environment = {**os.environ, "HEADRACE_CACHE_TTL_S": "-1"}
    done = subprocess.run([sys.executable, "-m", "gateway"], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "HEADRACE_CACHE_TTL_S: Input should be greater than 0\n")
