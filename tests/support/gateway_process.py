"""A gateway as a child process, started as a user starts it."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
from tritonclient.grpc import service_pb2

ROOT = Path(__file__).parents[2]


def free_port():
    """A TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def infer_request(model, columns, **fields):
    """A ModelInferRequest with the texts of each input."""
    request = service_pb2.ModelInferRequest(model_name=model, **fields)
    for name, values in columns.items():
        tensor = request.inputs.add(name=name, datatype="BYTES", shape=[len(values), 1])
        tensor.contents.bytes_contents.extend(values)
    return request


class GatewayProcess:
    """`python -m gateway` as a child on a free port, started in `cwd`; `url` once it is ready."""

    def __init__(self, *arguments, log, cwd=ROOT, **settings):
        self.port = settings.pop("port", None) or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.predict_url = f"{self.url}/v1/models/topics:predict"
        self.log = log
        environment = {key: value for key, value in os.environ.items() if not key.startswith("HEADRACE_")}
        own = {"port": self.port, "auth": "off"}
        # not those of a stack that is up
        own |= {"state_dir": log.with_suffix(".state"), "experiments_kept_file": log.with_suffix(".experiments.json")}
        environment |= {f"HEADRACE_{name.upper()}": str(value) for name, value in {**own, **settings}.items()}
        command = [sys.executable, "-m", "gateway", *map(str, arguments)]
        with log.open("wb") as output:
            self.process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=output, stderr=output)

    def __enter__(self):
        try:
            wait_until(lambda: self.process.poll() is not None or self._ready())
            assert self.process.poll() is None, self.log.read_text()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def _ready(self):
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/readyz").status_code == 200
        return False

    def predict(self, *texts, headers=None, timeout=30, **body):
        return httpx.post(self.predict_url, json={"instances": list(texts), **body}, headers=headers, timeout=timeout)

    def metrics_page(self):
        """All metrics, as they are at one time."""
        return httpx.get(f"{self.url}/metrics", timeout=30).text

    def metric(self, name, **labels):
        """The sum of a metric's samples that carry these labels."""
        samples = re.findall(rf"^{name}\{{(.*?)\}} (\S+)$", self.metrics_page(), re.MULTILINE)
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(float(value) for found, value in samples if all(label in found.split(",") for label in wanted))

    def child_pid(self, name):
        """The pid of an embedded child, read from the start-up message."""
        return int(re.search(rf"{name} \(pid (\d+)\)", self.log.read_text())[1])

    def stop(self, sign=signal.SIGTERM):
        """Stop it and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(sign)
        try:
            return self.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def wait_until(condition, timeout_s=120.0):
    """Poll until `condition()` is true; the time limit ends a test that would hang."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true in time"
        time.sleep(0.05)  # other processes change the condition, so it is polled until the deadline
