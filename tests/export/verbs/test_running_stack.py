"""`export run` while a stack serves the repository: the version is offered at once."""

import subprocess
import sys

import httpx
import pytest
from gateway_process import GatewayProcess, wait_until

from export.__main__ import main
from model_repository.running import find

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def stack(repository, tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "gateway.log"
    with GatewayProcess("--embedded", "--repository", repository, log=log, catalog_refresh_s=0.2) as process:
        yield process
    assert find(repository) == []
    assert [path.name for path in repository.iterdir() if path.name.startswith(".")] == []


def test_a_version_that_is_exported_is_offered_by_the_stack_that_runs(stack, repository, write_recipe, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("HEADRACE_TRITON_GRPC_URL", raising=False)
    arguments = ["run", str(write_recipe(precision="fp32")), "--repository", str(repository), "--work", str(tmp_path / "work")]
    assert main(arguments) == 0
    assert f"The running stack offers it at {stack.url}/v1/models/weather." in capsys.readouterr().out

    def answered():
        return httpx.post(f"{stack.url}/v1/models/weather:predict", json={"instances": ["alna bera"]})

    wait_until(lambda: answered().status_code == 200)
    assert answered().headers["x-model-version"] == "1"

    assert main(arguments) == 0
    assert "offer " not in capsys.readouterr().out, "it is served already"
    assert main(["unload", "weather", "--drain-s", "0", "--repository", str(repository)]) == 0
    assert main(["promote", "weather/1", "--repository", str(repository)]) == 1, "it is out of service"
    assert main(["load", "weather", "--repository", str(repository)]) == 0
    assert main(["promote", "weather/1", "--repository", str(repository)]) == 0
    (found,) = find(repository)
    assert f"(before: the newest that is ready). Triton at {found.triton_grpc_url} has it." in capsys.readouterr().out
    wait_until(lambda: answered().status_code == 200)


def test_who_starts_a_second_stack_on_its_port_learns_that_one_is_up(stack, repository):
    command = [sys.executable, "-m", "gateway", "--embedded", "--repository", str(repository)]
    environment = {"HEADRACE_PORT": str(stack.port), "HEADRACE_AUTH": "off"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    there = f"a stack (process {stack.process.pid}) is up there and offers each new version of {repository} by itself; or set HEADRACE_PORT"
    assert there in done.stderr
