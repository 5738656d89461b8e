import hashlib

import pytest

from gateway.authenticate import Authenticator
from gateway.errors import Overloaded, Unauthenticated
from gateway.limiter import Limiter
from gateway.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("TRITON_URL", "http://host:8001"),
        ("CACHE_URL", "localhost:6379"),
        ("API_KEYS", "acme:secret"),
        ("LOG_LEVEL", "loud"),
        ("DEFAULT_MODELS", "embed"),
        ("DEFAULT_MODELS", "encode=minilm"),
    ],
)
def test_invalid_setting_is_named(monkeypatch, name, value):
    monkeypatch.setenv(f"HEADRACE_{name}", value)
    with pytest.raises(SettingsError, match=f"^HEADRACE_{name}: "):
        Settings.read()


def test_api_keys_are_digests_by_tenant(monkeypatch):
    digest = hashlib.sha256(b"secret").hexdigest()
    monkeypatch.setenv("HEADRACE_API_KEYS", f"acme:{digest}")
    authenticator = Authenticator(Settings.read().api_keys)
    assert authenticator.tenant("Bearer secret") == "acme"
    for header in (None, "", "Bearer", "Bearer wrong", "Basic secret"):
        with pytest.raises(Unauthenticated):
            authenticator.tenant(header)


def test_default_models_are_named_by_use(monkeypatch):
    monkeypatch.setenv("HEADRACE_DEFAULT_MODELS", "embed=minilm, root=topics")
    assert Settings.read().default_models == {"embed": "minilm", "root": "topics"}


def test_without_keys_everyone_is_let_in():
    assert Authenticator({}).tenant(None) == ""


def test_limiter_sheds_whole_requests_and_takes_permits_back():
    limiter = Limiter(3)
    limiter.admit(2)
    with pytest.raises(Overloaded, match="2 texts wait"):
        limiter.admit(2)
    assert limiter.held == 2
    limiter.release()
    limiter.admit(2)
    assert limiter.held == 3
