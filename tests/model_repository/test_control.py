"""Model control over gRPC, against a real Triton."""

import os
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest
from gateway_process import wait_until

from model_repository.control import Closed, Entry, Lost, Refused, Unanswered, control
from model_repository.server import TritonServer

pytestmark = pytest.mark.integration
CONNECTIONS = 8
SHORT = {"watch_interval_s": 0.1, "live_timeout_s": 2.0}


def test_the_index_has_the_state_of_each_version(serve, classifier):
    served = serve("indexed")
    served.package(1, classifier)
    with control(served.triton.grpc_url) as triton:
        triton.load("indexed")
        assert Entry("indexed", "1", "READY", "") in triton.index()
        triton.unload("indexed")
        with pytest.raises(Refused, match="failed to poll"):
            triton.load("unheard-of")


def test_no_triton_is_no_refusal(unused_tcp_port):
    with control(f"127.0.0.1:{unused_tcp_port}") as triton, pytest.raises(Unanswered, match="Connection refused") as caught:
        triton.load("topics")
    assert not isinstance(caught.value, Lost), "nobody was asked"


def test_the_port_for_http_does_not_answer(triton):
    server, _ = triton
    with control(server.http_url) as http, pytest.raises(Unanswered):
        http.index()


def test_a_server_that_never_answers_is_given_up():
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        control(f"127.0.0.1:{mute.getsockname()[1]}", **SHORT) as triton,
        pytest.raises(Unanswered),
    ):
        triton.load("topics")


def test_a_triton_is_reached_past_the_proxy_of_the_environment(triton, unused_tcp_port, monkeypatch):
    server, _ = triton
    for variable in ("no_proxy", "no_grpc_proxy"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("grpc_proxy", "https_proxy", "http_proxy"):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{unused_tcp_port}")
    with control(server.grpc_url) as reached:
        reached.index()


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("--model-control-mode=none", "explicit model load / unload is not allowed"),
        ("--grpc-restricted-protocol=model-repository:key=secret", "This protocol is restricted"),
    ],
)
def test_a_triton_that_lets_nobody_load_answers_so(tmp_path, argument, reason):
    with TritonServer.start(tmp_path, models=[], arguments=[argument], grace_s=0) as server, control(server.grpc_url) as triton:
        with pytest.raises(Closed, match=reason):
            triton.load("topics")
        with pytest.raises(Closed, match=reason):
            triton.unload("topics")


def test_a_load_is_waited_for_while_triton_lives(serve, classifier):
    served = serve("watched")
    served.package(1, classifier)
    with control(served.triton.grpc_url, watch_interval_s=0.01) as triton:
        triton.load("watched")
    assert served.ready(1)


@pytest.mark.parametrize("end", [signal.SIGSTOP, signal.SIGKILL])
def test_a_triton_that_falls_silent_while_it_loads_is_lost(served, classifier, end):
    served.package(1, classifier)
    name = served.folder.name
    with (
        TritonServer.start(served.folder.parent, models=[], grace_s=0) as server,
        ThreadPoolExecutor() as pool,
        control(server.grpc_url, **SHORT) as triton,
        control(server.grpc_url) as other,
    ):
        loading = pool.submit(triton.load, name)
        wait_until(lambda: any(entry.name == name and entry.state == "LOADING" for entry in other.index()))
        os.kill(server.pid, end)
        try:
            with pytest.raises(Lost):
                loading.result(timeout=60)
        finally:
            if end == signal.SIGSTOP:
                os.kill(server.pid, signal.SIGCONT)


def test_what_is_asked_over_http_is_answered_while_a_version_loads(serve, classifier):
    served = serve("loading")
    host, _, port = served.triton.http_url.partition(":")
    served.package(1, classifier)
    served.load()
    connections = [HTTPConnection(host, int(port), timeout=60) for _ in range(CONNECTIONS)]
    for connection in connections:
        assert ready(connection)
    served.package(2, classifier)
    loading = threading.Thread(target=served.load)
    loading.start()
    # the connections have stood since before the load
    answers = [ready(connection) for connection in connections]
    assert loading.is_alive(), "the answers waited for the load"
    loading.join()
    assert answers == [True] * CONNECTIONS
    assert served.ready(2)
    for connection in connections:
        connection.close()


def ready(connection):
    connection.request("GET", "/v2/models/loading/versions/1/ready")
    answer = connection.getresponse()
    answer.read()
    return answer.status == 200
