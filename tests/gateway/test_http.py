"""The edge of HTTP on a real socket: what gateway/docs/http.md promises."""

import gzip
import http.client
import json
import socket
import time
import urllib.error
import urllib.request
import zlib

import httpx
import pytest
import zstandard
from served import served

from gateway.errors import StartError
from gateway.fakes.manifests import make_manifest
from gateway.fakes.triton import FakeTriton
from gateway.http_server.listening import authority, listen

PREDICT = "/v1/models/topics:predict"
BODY = json.dumps({"instances": ["opec"]}).encode()
PACKED = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress}
EMBEDDINGS = {"input": ["opec"] * 40}
ORIGIN = "https://app.example"


@pytest.fixture(scope="module")
def gateway():
    triton = FakeTriton(make_manifest("topics"), make_manifest("minilm", task="feature-extraction"))
    with served(triton, max_body_bytes=200_000, cors_origins=f"{ORIGIN},http://localhost:3000") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def client(gateway):
    with httpx.Client(base_url=gateway.url) as client:
        yield client


def head(*lines, method="GET", path="/livez"):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: gateway", *lines, "", ""]).encode()


REQUESTS = {
    "predict": (PREDICT, {"instances": ["opec"]}),
    "embeddings": ("/v1/embeddings", {"input": "opec"}),
    "embed": ("/embed", {"inputs": "opec"}),
    "root": ("/models/topics", {"inputs": "opec"}),
    "infer": ("/v2/models/topics/infer", {"inputs": [{"name": "TEXT", "shape": [1, 1], "datatype": "BYTES", "data": ["opec"]}]}),
    "index": ("/v2/repository/index", {"ready": True}),
    "stream": ("/v1/models/topics:predictStream", "opec"),
}
requests = pytest.mark.parametrize(("path", "body"), REQUESTS.values(), ids=REQUESTS)


@requests
@pytest.mark.parametrize("coding", PACKED)
def test_every_route_takes_compressed_bodies(client, path, body, coding):
    plain = json.dumps(body).encode()
    answer = client.post(path, content=PACKED[coding](plain), headers={"Content-Encoding": coding})
    assert (answer.status_code, answer.content) == (200, client.post(path, content=plain).content)


@requests
def test_every_route_takes_a_byte_order_mark(client, path, body):
    answer = client.post(path, content=b"\xef\xbb\xbf" + json.dumps(body).encode())
    assert answer.status_code == 200, answer.text


def test_a_compressed_stream_may_come_in_any_pieces_and_members(client):
    lines = b"".join(b'"text %d"\n' % number for number in range(50))
    packed = gzip.compress(lines[:200]) + gzip.compress(lines[200:])
    pieces = (packed[at : at + 7] for at in range(0, len(packed), 7))
    answer = client.post("/v1/models/topics:predictStream", content=pieces, headers={"Content-Encoding": "gzip"})
    assert [json.loads(line)["line"] for line in answer.text.splitlines()] == [*range(1, 51)]
    broken = client.post("/v1/models/topics:predictStream", content=packed[:-9], headers={"Content-Encoding": "gzip"})
    last = json.loads(broken.text.splitlines()[-1])
    assert (last["status"], "its end is missing" in last["error"]) == (400, True)


@requests
def test_a_coding_that_is_not_known_or_not_obeyed_is_named(client, path, body):
    unknown = client.post(path, content=b"{}", headers={"Content-Encoding": "br"})
    assert (unknown.status_code, "Content-Encoding: must be one of zstd, gzip, deflate" in unknown.text) == (415, True)
    plain = client.post(path, content=json.dumps(body), headers={"Content-Encoding": "gzip"})
    assert "the body is not gzip" in plain.text
    assert plain.status_code == (200 if path.endswith("Stream") else 400)


@pytest.mark.parametrize("coding", PACKED)
def test_answers_are_compressed_for_who_asks(client, coding):
    plain = client.post("/v1/embeddings", json=EMBEDDINGS, headers={"Accept-Encoding": "identity"})
    packed = client.post("/v1/embeddings", json=EMBEDDINGS, headers={"Accept-Encoding": f"br, {coding};q=0.5"})
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == (coding, "Accept-Encoding, Origin")
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert packed.json() == plain.json()
    assert ("content-encoding" not in plain.headers, "Accept-Encoding" in plain.headers["vary"]) == (True, True)


def test_small_answers_go_as_they_are(client):
    small = client.post(PREDICT, content=BODY, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in small.headers


@pytest.mark.parametrize("path", ["/metrics", "/openapi.json", "/static-offline-docs/swagger-ui-bundle.js"])
def test_other_answers_are_compressed_too(client, path):
    plain = client.get(path, headers={"Accept-Encoding": ""})
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert (plain.status_code, packed.headers["content-encoding"]) == (200, "gzip")
    if path != "/metrics":
        assert packed.content == plain.content


@pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/health", "/ping", "/metrics", "/docs", "/openapi.json", "/info", "/v2"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_head_is_get_without_a_body(gateway, client, path, slash):
    path = path if path == "/" else path + slash
    got = client.get(path)
    headed = gateway.exchange(head("Connection: close", method="HEAD", path=path))
    assert headed.startswith(f"HTTP/1.1 {got.status_code} ".encode())
    assert headed.endswith(b"\r\n\r\n")
    assert b"content-length:" in headed.lower()


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/topics", "/v2/health/live", "/v2/health/ready", "/v2/models/topics/ready"])
def test_head_and_slashes_on_paths_of_models(client, path):
    assert client.head(path).status_code == client.get(path + "/").status_code == client.head(path + "/").status_code == 200


def test_head_where_there_is_no_get(client):
    refused = client.head(PREDICT)
    assert (refused.status_code, refused.headers["allow"], refused.content) == (405, "POST", b"")


def test_a_slash_at_the_end_of_a_path_changes_nothing(client):
    for path in ("/v1/embeddings/", "/v1/embeddings"):
        assert client.post(path, json={"input": "opec"}).status_code == 200
    assert client.get("/v2/").json() == client.get("/v2").json()
    assert client.get("/nowhere/").status_code == 404


def test_the_root_is_alive_for_programs_and_leads_people_to_the_documentation(client):
    alive = client.get("/", headers={"Accept": "*/*"})
    assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
    page = client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, follow_redirects=True)
    assert (page.url.path, page.headers["content-type"]) == ("/docs", "text/html; charset=utf-8")


def test_a_page_of_an_origin_that_is_set_may_ask(client):
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,x-unit-id"}
    preflight = client.options(PREDICT, headers=asked)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, ORIGIN)
    assert preflight.headers["access-control-allow-headers"] == "authorization,x-unit-id"
    for answer in (client.post(PREDICT, content=BODY, headers={"Origin": ORIGIN}), client.post(PREDICT, headers={"Origin": ORIGIN})):
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "X-Cache" in answer.headers["access-control-expose-headers"]
        assert "Origin" in answer.headers["vary"]


def test_a_page_of_another_origin_may_not(client):
    foreign = {"Origin": "https://evil.example"}
    assert client.options(PREDICT, headers={**foreign, "Access-Control-Request-Method": "POST"}).status_code == 400
    assert "access-control-allow-origin" not in client.post(PREDICT, content=BODY, headers=foreign).headers


def test_an_idle_connection_is_closed_after_the_time_that_is_set():
    with served(FakeTriton(make_manifest("topics")), keep_alive_s=0.3) as gateway, gateway.connected() as connection:
        connection.sendall(head())
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        began = time.monotonic()
        assert connection.recv(65536) == b""
    assert 0.2 < time.monotonic() - began < 5


def test_a_length_counted_in_characters_gets_its_answer(gateway):
    text = json.dumps({"instances": ["Zürich"]}, ensure_ascii=False)
    request = head(f"Content-Length: {len(text)}", method="POST", path=PREDICT) + text.encode()
    answer = gateway.exchange(request)
    assert answer.startswith(b"HTTP/1.1 400 ")  # the last brace is missing
    assert b"the body is not JSON" in answer
    answer = gateway.exchange(head(f"Content-Length: {len(BODY)}", method="POST", path=PREDICT) + BODY + b"}\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("size", [300_000, 4_000_000])
def test_clients_that_send_before_they_read_see_that_a_body_is_too_large(gateway, size):
    with pytest.raises(urllib.error.HTTPError, match="413"):
        urllib.request.urlopen(urllib.request.Request(gateway.url + PREDICT, bytes(size)), timeout=10)  # noqa: S310 - http
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=10)
    connection.request("POST", PREDICT, bytes(size))
    answer = connection.getresponse()
    assert (answer.status, b"the body has more than 200000 bytes" in answer.read()) == (413, True)


@pytest.mark.parametrize(
    "name", ["Authorization", "X-Request-Timeout-Ms", "X-Unit-ID", "X-Unit-Attributes", "X-Priority", "Content-Encoding"]
)
def test_a_header_of_which_one_value_counts_may_come_once(gateway, name):
    lines = [f"{name}: 1", "Accept: */*", f"{name}: 2", f"Content-Length: {len(BODY)}", "Connection: close"]
    answer = gateway.exchange(head(*lines, method="POST", path=PREDICT) + BODY)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"more than once; send one" in answer


def test_numbers_of_embeddings_are_those_of_base64(client):
    import base64

    import numpy as np

    shown = client.post("/v1/embeddings", json={"input": "opec"})
    packed = client.post("/v1/embeddings", json={"input": "opec", "encoding_format": "base64"})
    numbers = np.frombuffer(base64.b64decode(packed.json()["data"][0]["embedding"]), "<f4")
    assert np.array(shown.json()["data"][0]["embedding"], "f4").tobytes() == numbers.tobytes()
    assert json.dumps(float(np.format_float_positional(numbers[0]))) in shown.text


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_all_interfaces_of_ipv6_are_those_of_ipv4_too():
    with served(FakeTriton(make_manifest("topics")), host="::") as gateway:
        for host in ("127.0.0.1", "[::1]"):
            assert httpx.get(f"http://{host}:{gateway.port}/livez").status_code == 200


@pytest.mark.parametrize(
    ("host", "shown"), [("::", "[::]:80"), ("::1", "[::1]:80"), ("127.0.0.1", "127.0.0.1:80"), ("gateway", "gateway:80")]
)
def test_hosts_are_shown_as_in_a_url(host, shown):
    assert authority(host, 80) == shown


@pytest.mark.parametrize("host", ["::g", "nowhere.invalid", "192.0.2.1"])
def test_a_host_that_is_none_is_named(host):
    with pytest.raises(StartError, match=f"cannot listen on {host}: set HEADRACE_HOST"):
        listen(host, 0)
