"""Model control over gRPC, against a real Triton."""

import threading
from http.client import HTTPConnection

import pytest

from model_repository.control import Refused, Unanswered, control

pytestmark = pytest.mark.integration
CONNECTIONS = 8


def test_the_index_has_the_state_of_each_version(serve, classifier):
    served = serve("indexed")
    served.package(1, classifier)
    with control(served.triton.grpc_url) as triton:
        triton.load("indexed")
        assert {"name": "indexed", "version": "1", "state": "READY"} in triton.index()
        triton.unload("indexed")
        with pytest.raises(Refused, match="failed to poll"):
            triton.load("unheard-of")


def test_no_triton_is_no_refusal(unused_tcp_port):
    with control(f"127.0.0.1:{unused_tcp_port}") as triton, pytest.raises(Unanswered):
        triton.load("topics")


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
