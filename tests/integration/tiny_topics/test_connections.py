"""What a client may send on a raw TCP connection, and how slowly."""

import contextlib
import socket
import ssl
import time

import httpx
import psutil
import pytest
import trustme
from gateway_process import GatewayProcess, free_port, wait_until

pytestmark = pytest.mark.integration
HEAD = b"POST /v1/models/topics:predict HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"
TIMEOUT_S = 0.5


@pytest.fixture(scope="module")
def impatient(triton, tmp_path_factory):
    with GatewayProcess(
        log=tmp_path_factory.mktemp("impatient") / "gateway.log",
        triton_url=triton.http_url,
        header_timeout_s=TIMEOUT_S,
        body_timeout_s=TIMEOUT_S,
        max_headers=20,
        max_header_bytes=2048,
        max_body_bytes=10_000,
    ) as process:
        yield process


@contextlib.contextmanager
def connected(gateway):
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        yield connection


def everything(connection):
    """All bytes that come until the gateway closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            received += piece
    return received


def drip(connection, pieces):
    """Send pieces one by one until the gateway closes the connection; returns its response."""
    connection.setblocking(False)
    received = b""
    deadline = time.monotonic() + 10
    for piece in pieces:
        assert time.monotonic() < deadline, "was never cut off"
        try:
            connection.sendall(piece)
            got = connection.recv(65536)
        except BlockingIOError:
            time.sleep(0.02)  # the test needs a slow client
            continue
        except (BrokenPipeError, ConnectionResetError):
            return received
        if not got:
            return received
        received += got
    raise AssertionError("was never cut off")


def forever(piece):
    while True:
        yield piece


def test_a_connection_that_sends_nothing_is_closed(impatient):
    with connected(impatient) as connection:
        begun = time.monotonic()
        assert everything(connection).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert TIMEOUT_S * 0.9 < time.monotonic() - begun < TIMEOUT_S + 5


def test_a_grpc_connection_that_sends_nothing_is_closed(start_gateway, triton):
    port = free_port()
    start_gateway(triton_url=triton.http_url, grpc_port=port, header_timeout_s=TIMEOUT_S)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        begun = time.monotonic()
        everything(connection)
        assert time.monotonic() - begun > TIMEOUT_S * 0.9


@pytest.mark.parametrize("pieces", [b"a", b"\r\n"], ids=["in a header", "empty lines"])
def test_a_head_that_drips_is_cut_off(impatient, pieces):
    with connected(impatient) as connection:
        if pieces != b"\r\n":
            connection.sendall(HEAD + b"X-Long: ")
        assert drip(connection, forever(pieces)).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_drips_is_cut_off_with_a_sentence(impatient):
    with connected(impatient) as connection:
        connection.sendall(HEAD + b"Content-Length: 5000\r\n\r\n")
        received = drip(connection, forever(b" "))
    assert received.startswith(b"HTTP/1.1 408 ")
    assert b"the body was not there within 0.5 s" in received
    assert b"connection: close" in received.lower()


def test_a_body_that_goes_on_after_the_response_is_cut_off(impatient):
    with connected(impatient) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: gateway\r\nContent-Length: 1000000\r\n\r\n")
        assert drip(connection, forever(b" ")).startswith(b"HTTP/1.1 200 OK")


def test_trailers_without_end_are_cut_off(impatient):
    with connected(impatient) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")
        drip(connection, forever(b"x: y\r\n"))


@pytest.mark.parametrize(
    "head",
    [
        b"".join(b"x-%d: y\r\n" % i for i in range(30)),
        b"x-large: " + b"y" * 3000 + b"\r\n",
    ],
    ids=["too many", "too large"],
)
def test_too_many_or_too_large_headers_are_refused(impatient, head):
    with connected(impatient) as connection:
        connection.sendall(HEAD + head + b"Content-Length: 2\r\n\r\n{}")
        received = everything(connection)
    assert received.startswith(b"HTTP/1.1 431 ")
    assert b'{"error":"the request has too many headers, or too large ones; send fewer"}' in received


def test_a_head_without_end_is_refused_before_it_fills_the_memory(impatient):
    with connected(impatient) as connection:
        received = drip(connection, [HEAD + b"x: ", *[b"y" * 1000] * 1000])
    assert received.startswith(b"HTTP/1.1 431 ")
    assert httpx.get(f"{impatient.url}/livez").status_code == 200


def test_bytes_that_are_not_http_are_refused_with_a_json_body(impatient):
    with connected(impatient) as connection:
        connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        received = everything(connection)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.endswith(b'{"error":"this is not HTTP/1.1"}')


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\nno size\r\n", b"this is not HTTP/1.1"),
        (b"Transfer-Encoding: other\r\n\r\n{}", b"Transfer-Encoding: must be chunked and nothing else; compress with Content-Encoding"),
    ],
    ids=["chunk", "coding"],
)
def test_a_body_that_cannot_be_read_is_refused_with_a_sentence(impatient, body, sentence):
    with connected(impatient) as connection:
        connection.sendall(HEAD + body)
        received = everything(connection)
    assert (received[:13], received.count(b"HTTP/1.1 400 ")) == (b"HTTP/1.1 400 ", 1)
    assert received.endswith(b'{"error":"%b"}' % sentence)


def test_a_patient_client_keeps_its_connection(impatient):
    with httpx.Client(base_url=impatient.url) as client:
        begun = time.monotonic()
        while time.monotonic() - begun < 3 * TIMEOUT_S:
            assert client.post("/v1/models/topics:predict", json={"instances": ["corn"]}).status_code == 200
        [connection] = client._transport._pool.connections
        assert connection._connection._request_count > 1


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
def test_an_upgrade_is_ignored_and_the_requests_are_answered(impatient, protocol):
    with connected(impatient) as connection:
        upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %s\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n" % protocol
        asked = HEAD + upgrade + b'Content-Length: 22\r\n\r\n{"instances":["corn"]}'
        connection.sendall(asked * 2 + asked.replace(b"Upgrade, ", b"close, Upgrade, "))
        assert everything(connection).count(b"HTTP/1.1 200 OK") == 3
    assert "pgrade" not in impatient.log.read_text()


def test_a_length_over_the_limit_is_refused_before_the_body_is_sent(impatient):
    with connected(impatient) as connection:
        connection.sendall(HEAD + b"Content-Length: 10001\r\n\r\n")
        assert everything(connection).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(("content", "status"), [(b"not json", 400), (b"{}", 422), (b" " * 10_001, 413), (b'{"instances": ["corn"]}', 200)])
def test_responses_forbid_browsers_to_guess_their_content_type(impatient, content, status):
    answer = httpx.post(impatient.predict_url, content=content)
    assert (answer.status_code, answer.headers["x-content-type-options"]) == (status, "nosniff")


def test_every_cut_off_is_counted_by_its_reason(impatient):
    with connected(impatient) as connection:
        everything(connection)
    wait_until(lambda: impatient.metric("headrace_connections_cut_off_total", reason="slow") >= 1)


def test_a_response_that_the_client_does_not_read_is_dropped(start_gateway, triton):
    gateway = start_gateway(triton_url=triton.http_url, write_timeout_s=1)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.connect(("127.0.0.1", gateway.port))
        port = connection.getsockname()[1]
        # more than all buffers between client and gateway hold
        connection.sendall(b"GET /static-offline-docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: gateway\r\n\r\n" * 16)
        wait_until(lambda: port in clients_of(gateway))
        wait_until(lambda: port not in clients_of(gateway))


def clients_of(gateway):
    """The client ports of the gateway's open connections."""
    found = psutil.Process(gateway.process.pid).net_connections(kind="tcp")
    return {entry.raddr.port for entry in found if entry.raddr and entry.laddr.port == gateway.port and entry.status == "ESTABLISHED"}


def test_a_gateway_with_a_certificate_speaks_tls_only(triton, tmp_path):
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    settings = {"triton_url": triton.http_url, "tls_cert_file": tmp_path / "cert.pem", "tls_key_file": tmp_path / "key.pem"}
    gateway = GatewayProcess(log=tmp_path / "gateway.log", **settings)
    try:
        wait_until(lambda: _ready(gateway, context))
        url = gateway.predict_url.replace("http:", "https:")
        assert httpx.post(url, json={"instances": ["corn"]}, verify=context).status_code == 200
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{gateway.url}/livez")
    finally:
        gateway.stop()


def _ready(gateway, context):
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"https://127.0.0.1:{gateway.port}/readyz", verify=context).status_code == 200
    return False
