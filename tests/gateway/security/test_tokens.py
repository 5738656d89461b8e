"""Tokens against a key set: what is taken, and the known ways to forge one that are not."""

import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.errors import StateUnavailable, Unauthenticated
from gateway.request.rate_limits import RateLimits
from gateway.security.tokens import KeySet, TokenRules, TokenVerifier

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
PEM = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
RULES = TokenRules("https://id.example.com", "headrace", ("RS256", "ES256"), "tenant", "scope")


def jwk(key, key_id):
    algorithm = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    name = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": key_id, "use": "sig", "alg": name}


def claims(**changes):
    given = {
        "iss": RULES.issuer,
        "aud": "headrace",
        "sub": "bob",
        "tenant": "acme",
        "scope": "predict admin other",
        "exp": time.time() + 60,
    }
    return {name: value for name, value in {**given, **changes}.items() if value is not None}


def token(key=RSA_KEY, algorithm="RS256", key_id="r", **changes):
    return jwt.encode(claims(**changes), key, algorithm, headers={"kid": key_id})


class Issuer:
    """A key set that changes, and that can be gone."""

    def __init__(self):
        self.keys, self.gone, self.fetched = [jwk(RSA_KEY, "r"), jwk(EC_KEY, "e")], False, 0

    def fetch(self):
        if self.gone:
            raise ConnectionRefusedError
        self.fetched += 1
        return {"keys": self.keys}


@pytest.fixture
def issuer():
    return Issuer()


@pytest.fixture
async def key_set(issuer):
    key_set = KeySet(issuer.fetch)
    assert await key_set.refresh()
    return key_set


@pytest.fixture
def verifier(key_set):
    return TokenVerifier(key_set, RULES, RateLimits(), RateLimits(items_per_day=5))


async def test_a_token_names_tenant_scopes_and_end(verifier):
    end = int(time.time()) + 60
    for text in (token(exp=end), token(EC_KEY, "ES256", "e", exp=end, scope=["predict", "admin"])):
        principal = verifier.principal(text)
        assert (principal.id, principal.tenant, principal.scopes) == ("jwt:acme:bob", "acme", {"predict", "admin"})
        assert (principal.expires_at, principal.tenant_limits) == (end, RateLimits(items_per_day=5))


@pytest.mark.parametrize(
    "text",
    [
        token(OTHER_KEY),
        token(key_id="nobody"),
        token(iss="https://evil.example.com"),
        token(aud="other"),
        token(exp=time.time() - 60),
        token(nbf=time.time() + 600),
        token(exp=None),
        token(sub=None),
        token(tenant=None),
        token(tenant="a b"),
        token(tenant=["acme"]),
        jwt.encode(claims(), None, "none", headers={"kid": "r"}),
        jwt.encode(claims(), b"k" * 32, "HS256", headers={"kid": "r"}),
        jwt.encode(claims(), RSA_KEY, "PS256", headers={"kid": "r"}),
        "a.b.c",
        "..",
    ],
)
async def test_what_is_not_a_valid_token_of_the_issuer_is_refused(verifier, text):
    with pytest.raises(Unauthenticated):
        verifier.principal(text)


async def test_the_public_key_is_no_secret_to_sign_with(verifier):
    """HS/RS confusion: PyJWT itself does not sign with a PEM, so the test signs the token."""
    import base64
    import hashlib
    import hmac

    def part(content):
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=")

    signed = part({"alg": "HS256", "typ": "JWT", "kid": "r"}) + b"." + part(claims())
    signature = base64.urlsafe_b64encode(hmac.new(PEM, signed, hashlib.sha256).digest()).rstrip(b"=")
    with pytest.raises(Unauthenticated):
        verifier.principal((signed + b"." + signature).decode())


async def test_keys_are_kept_while_their_server_is_gone_and_new_ones_come_with_the_next_fetch(issuer, key_set, verifier):
    issuer.gone = True
    assert not await key_set.refresh()
    assert verifier.principal(token()).tenant == "acme"
    issuer.gone, issuer.keys = False, [jwk(OTHER_KEY, "o")]
    assert await key_set.refresh()
    assert verifier.principal(token(OTHER_KEY, key_id="o")).tenant == "acme"
    with pytest.raises(Unauthenticated):
        verifier.principal(token())


async def test_whoever_remembers_tokens_is_told_when_the_keys_change(issuer):
    told = []
    key_set = KeySet(issuer.fetch)
    key_set.on_change(lambda: told.append(True))
    for _ in range(2):
        await key_set.refresh()
    assert told == [True]
    issuer.keys = issuer.keys[:1]
    await key_set.refresh()
    assert told == [True, True]


async def test_before_the_first_fetch_nobody_can_be_known(issuer):
    issuer.gone = True
    key_set = KeySet(issuer.fetch)
    await key_set.refresh()
    with pytest.raises(StateUnavailable):
        TokenVerifier(key_set, RULES, RateLimits(), RateLimits()).principal(token())
