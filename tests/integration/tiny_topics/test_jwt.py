"""JWTs of an issuer whose key set a local server publishes."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from gateway_process import wait_until

pytestmark = pytest.mark.integration
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ISSUER = "https://id.example.com"


@pytest.fixture
def jwks():
    """A server with the issuer's public key; `shutdown()` stops it."""
    public = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())), "kid": "r", "use": "sig", "alg": "RS256"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"keys": [public]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def token(scope="predict", **changes):
    claims = {"iss": ISSUER, "aud": "headrace", "sub": "bob", "tenant": "acme", "scope": scope, "exp": time.time() + 60, **changes}
    return jwt.encode(claims, KEY, "RS256", headers={"kid": "r"})


def test_tokens_are_accepted_with_their_scopes_and_rate_limits_even_while_the_issuer_is_gone(start_gateway, triton, valkey, jwks):
    gateway = start_gateway(
        triton_url=triton.http_url,
        cache_url=valkey.url,
        auth="jwt",
        jwt_jwks_url=f"http://127.0.0.1:{jwks.server_port}/keys",
        jwt_issuer=ISSUER,
        jwt_audience="headrace",
        limits_per_tenant="items_per_day=3",
    )

    def status(text, path="/v1/models"):
        return httpx.get(gateway.url + path, headers={"Authorization": f"Bearer {text}"}).status_code

    wait_until(lambda: status(token()) == 200)
    jwks.shutdown()
    assert status(token(sub="carol")) == 200
    assert status(token(aud="other")) == 401
    assert status(token(exp=time.time() - 60)) == 401
    assert status(jwt.encode({"sub": "bob"}, None, "none")) == 401
    assert (status(token(), "/v1/admin/keys"), status(token("admin"), "/v1/admin/keys")) == (403, 503)
    refused = gateway.predict("corn", headers={"Authorization": f"Bearer {token('feedback')}"})
    assert refused.status_code == 403
    sent = [gateway.predict("corn", version=2, headers={"Authorization": f"Bearer {token(sub=f's{i}')}"}) for i in range(4)]
    assert [answer.status_code for answer in sent] == [200, 200, 200, 429]
    assert '"tenant":"acme"' in gateway.log.read_text()
