import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from demo_examples import write_examples
from gateway_process import GatewayProcess, free_port

from export.demo.data import fetch
from gateway.embedded.valkey import Valkey
from model_repository.server import TritonServer

ROOT = Path(__file__).parents[2]
EXAMPLES = 128


@pytest.fixture(scope="session")
def documents():
    """The texts of R8's test documents."""
    path = fetch(ROOT / ".work/demo")["test"]
    return [yaml.safe_load(line)["text"] for line in path.read_text().splitlines()[:400]]


@pytest.fixture(scope="session")
def repository(tmp_path_factory, documents):
    """Both demo versions, exported by the real command.

    Their quality is measured on a few short examples only, and only the second is int8.
    """
    folder = tmp_path_factory.mktemp("topics")
    write_examples(folder / "few.jsonl", EXAMPLES)
    for version in (1, 2):
        recipe = yaml.safe_load((ROOT / f"export/demo/topics-v{version}.yaml").read_text())
        recipe["adapter"] = str(ROOT / f"export/demo/adapters/v{version}")
        recipe["evaluation"] |= {"data": "few.jsonl", "max_drop": 0.02}
        recipe["precision"] = {1: "fp32", 2: "int8"}[version]
        path = folder / f"topics-v{version}.yaml"
        path.write_text(yaml.safe_dump(recipe))
        command = [sys.executable, "-m", "export", "run", path, "--repository", folder / "models", "--work", folder / "work"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "models"


@pytest.fixture(scope="session")
def triton(repository):
    with TritonServer.start(repository, grace_s=0) as server:
        yield server


@pytest.fixture(scope="session")
def tasks_repository(tmp_path_factory):
    """A tiny model of each task, exported by the real pipeline, and the models' checkpoints."""
    import tasks_repository  # it imports torch and transformers, so only on demand

    return tasks_repository.make(tmp_path_factory.mktemp("tasks"))


@pytest.fixture(scope="session")
def tasks_triton(tasks_repository):
    with TritonServer.start(tasks_repository.folder, grace_s=0) as server:
        yield server


@pytest.fixture(scope="session")
def valkey():
    with Valkey() as server:
        yield server


@pytest.fixture(scope="session")
def tasks_gateway(tasks_triton, valkey, tmp_path_factory):
    """A gateway on the tiny models, with an experiment on the two versions of `embeddings`."""
    folder = tmp_path_factory.mktemp("tasks-gateway")
    arms = [{"name": "control", "version": 1, "weight": 0.5}, {"name": "treatment", "version": 2, "weight": 0.5}]
    experiments = folder / "experiments.yaml"
    experiments.write_text(yaml.safe_dump({"experiments": [{"key": "new-embeddings", "model": "embeddings", "variants": arms}]}))
    with GatewayProcess(
        log=folder / "gateway.log",
        triton_url=tasks_triton.http_url,
        cache_url=valkey.url,
        experiments_file=experiments,
        default_models="embed=raw-embeddings,predict=weather,root=weather",
    ) as process:
        yield process


@pytest.fixture
def gateway(triton, valkey, tmp_path):
    """A gateway on the shared Triton and Valkey, with a copy of the demo's experiments file."""
    experiments = tmp_path / "experiments.yaml"
    shutil.copy(ROOT / "gateway/demo/experiments.yaml", experiments)
    with GatewayProcess(
        log=tmp_path / "gateway.log",
        triton_url=triton.http_url,
        cache_url=valkey.url,
        experiments_file=experiments,
        catalog_refresh_s=0.2,
    ) as process:
        yield process


@pytest.fixture
def start_gateway(tmp_path):
    """Starts more gateways with the test's own settings, and stops them."""
    with contextlib.ExitStack() as stack:

        def start(*arguments, **settings):
            log = tmp_path / f"gateway-{len(list(tmp_path.glob('gateway-*')))}.log"
            return stack.enter_context(GatewayProcess(*arguments, log=log, **settings))

        yield start


@pytest.fixture
def redis_url(tmp_path):
    """The URL of Debian's redis-server if it is installed, else of another Valkey."""
    with contextlib.ExitStack() as stack:
        if not shutil.which("redis-server"):
            yield stack.enter_context(Valkey()).url
            return
        port = free_port()
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
        process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        stack.callback(process.terminate)
        yield f"redis://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def grpc_gateway(tasks_triton, valkey, tmp_path_factory):
    """A gateway on the tiny models with a gRPC port (`grpc_url`), without an experiment."""
    port = free_port()
    log = tmp_path_factory.mktemp("gateway") / "gateway.log"
    with GatewayProcess(log=log, triton_url=tasks_triton.http_url, cache_url=valkey.url, grpc_port=port, catalog_refresh_s=0.2) as process:
        process.grpc_url = f"127.0.0.1:{port}"
        yield process
