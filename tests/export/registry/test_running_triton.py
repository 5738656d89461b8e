"""What people read where a Triton cannot be told of a change; the repository stays as it was."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from gateway_process import wait_until

from model_repository.control import control
from model_repository.server import TritonServer

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[3]
LATER = "Triton may take the change all the same: once it answers, `load weather` lets it load what the repository says"


@pytest.fixture
def start(registry):
    """Starts a Triton on the repository, with further arguments."""
    servers = []

    def started(*arguments):
        servers.append(TritonServer.start(registry.repository, models=[], arguments=arguments, grace_s=0))
        return servers[-1]

    yield started
    for server in servers:
        server.stop()


def test_the_port_for_http_is_told_from_that_for_grpc(registry, start, capsys):
    url, before = start().http_url, registry.files()
    assert registry("promote", "weather/1", "--triton", url) == 1
    error = capsys.readouterr().err
    assert f"export: Triton at {url} does not answer: check --triton (host:port of its gRPC endpoint, without TLS): " in error
    assert registry.files() == before


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        (
            "--model-control-mode=none",
            "(explicit model load / unload is not allowed if polling is enabled): start it with --model-control-mode=explicit\n",
        ),
        (
            "--grpc-restricted-protocol=model-repository:key=secret",
            "(This protocol is restricted, expecting header 'triton-grpc-protocol-key')\n",
        ),
    ],
)
@pytest.mark.parametrize("verb", [("load", "weather"), ("unload", "weather/1")])
def test_a_triton_that_lets_nobody_load_is_told_how_to_be_started(registry, start, capsys, argument, sentence, verb):
    url, before = start(argument).grpc_url, registry.files()
    assert registry(*verb, "--triton", url) == 1
    assert capsys.readouterr().err.endswith(f"export: Triton at {url} lets nobody load weather {sentence}")
    assert registry.files() == before


def test_who_interrupts_a_load_learns_that_triton_may_go_on(registry, start):
    server, before = start(), registry.files()
    command = [sys.executable, "-m", "export", "promote", "weather/1", "--repository", registry.repository, "--triton", server.grpc_url]
    with (
        subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process,
        control(server.grpc_url) as triton,
    ):
        wait_until(lambda: any(entry.state == "LOADING" for entry in triton.index()))
        os.kill(server.pid, signal.SIGSTOP)  # so that the load is not over before
        try:
            process.send_signal(signal.SIGINT)
            *_waiting, said = process.stderr.read().splitlines()
        finally:
            os.kill(server.pid, signal.SIGCONT)
    assert said == f"export: interrupted; the repository is as it was; {LATER}"
    assert process.returncode == 130
    assert registry.files() == before


def test_a_triton_that_ends_while_it_loads_is_named_with_what_brings_it_the_files(registry, start, capsys):
    server, before = start(), registry.files()
    with ThreadPoolExecutor() as pool, control(server.grpc_url) as triton:
        promotion = pool.submit(registry, "promote", "weather/1", "--triton", server.grpc_url)
        wait_until(lambda: any(entry.state == "LOADING" for entry in triton.index()))
        os.kill(server.pid, signal.SIGKILL)
        assert promotion.result(timeout=60) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"export: Triton at {server.grpc_url} stopped answering while it was to load weather (")
    assert error.endswith(f"). The configuration is as it was; {LATER}")
    assert registry.files() == before
