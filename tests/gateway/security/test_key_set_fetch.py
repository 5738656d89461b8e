"""Key sets of a server that sends anything: read within bounds, or not at all."""

import http.server
import json
import threading
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from timed import timed

from gateway.security.key_set_fetch import MAX_BYTES, MAX_KEYS, fetcher, parsed
from gateway.security.tokens import KeySet

PUBLIC = ec.generate_private_key(ec.SECP256R1()).public_key()
GOOD = {"keys": [ECAlgorithm.to_jwk(PUBLIC, as_dict=True) | {"kid": "r", "use": "sig", "alg": "ES256"}]}


@pytest.fixture
def serve():
    """Serves what is given at /, and gives the URL."""
    servers = []

    def start(respond):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                respond(self)

            def log_message(self, *_):
                pass

        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def sends(raw, status=200, **headers):
    def respond(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(raw)

    return respond


def test_a_key_set_is_fetched(serve):
    assert fetcher(serve(sends(json.dumps(GOOD).encode())))() == GOOD


def test_a_redirect_is_not_followed(serve):
    good = serve(sends(json.dumps(GOOD).encode()))
    with pytest.raises(OSError, match="302"):
        fetcher(serve(sends(b"", 302, Location=good)))()


def test_no_more_is_read_than_a_key_set_may_have(serve):
    def endless(handler):
        sends(b"")(handler)
        try:
            while True:
                handler.wfile.write(bytes(2**16))
        except OSError:
            pass

    with pytest.raises(ValueError, match=str(MAX_BYTES)):
        fetcher(serve(endless))()


def test_a_server_that_sends_slowly_is_given_up_in_time(serve):
    def slow(handler):
        sends(b"")(handler)
        try:
            while True:
                handler.wfile.write(b" ")
                time.sleep(0.01)  # the slowness that is tested
        except OSError:
            pass

    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        fetcher(serve(slow), timeout_s=0.2)()
    assert time.monotonic() - begun < 5


BROKEN = {
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deep in a key": b'{"keys": [{"kid": %s}]}' % (b"[" * 1000 + b"]" * 1000),
    "many values": b'{"keys": [' + b"[]," * 100_000 + b"[]]}",
    "many keys": json.dumps({"keys": GOOD["keys"] * (MAX_KEYS + 1)}).encode(),
    "no JSON": b"<html>",
    "a list": b"[]",
    "no keys": b"{}",
    "keys that are no list": b'{"keys": {"kid": "r"}}',
    "not UTF-8": b'{"keys": "\xff"}',
}


@timed
@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_key_set_within_bounds_is_refused(kind):
    begun = time.process_time()
    with pytest.raises(ValueError, match=r"."):
        parsed(BROKEN[kind])
    assert time.process_time() - begun < 0.3


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"keys": []},
        {"keys": [1]},
        {"keys": [None]},
        {"keys": [{"kty": 7}]},
        {"keys": [{"kty": "RSA", "n": [], "e": {}}]},
        {"keys": 7},
        [],
    ],
    ids=str,
)
async def test_the_last_keys_stay_whatever_a_key_set_holds(broken):
    sets = [GOOD, broken]
    key_set = KeySet(lambda: sets.pop(0))
    assert [await key_set.refresh(), await key_set.refresh()] == [True, False]
    assert key_set.get("r") is not None
