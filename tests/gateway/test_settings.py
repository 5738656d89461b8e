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
        ("CACHE_POLICIES", '{"topics": {"ttl_s": -1}}'),
        ("CACHE_POLICIES", "/nowhere/policies.yaml"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_invalid_setting_is_named(monkeypatch, name, value):
    monkeypatch.setenv(f"HEADRACE_{name}", value)
    with pytest.raises(SettingsError, match=f"^HEADRACE_{name}: "):
        Settings.read()


def test_cache_policies_begin_with_the_settings(monkeypatch):
    for name, value in {"CACHE_TTL_S": "7", "CACHE_TENANTS": "acme, bee", "CACHE_POLICIES": '{"topics": {"lease_s": 2}}'}.items():
        monkeypatch.setenv(f"HEADRACE_{name}", value)
    settings = Settings.read()
    assert (settings.cache_policy.ttl_s, settings.cache_policy.isolated_tenants) == (7, {"acme", "bee"})
    assert settings.cache_policies == {"topics": settings.cache_policy.model_copy(update={"lease_s": 2})}


def test_api_keys_are_digests_by_tenant(monkeypatch):
    digest = hashlib.sha256(b"secret").hexdigest()
    monkeypatch.setenv("HEADRACE_API_KEYS", f"acme:{digest}")
    authenticator = Authenticator(Settings.read().api_keys)
    assert authenticator.tenant("Bearer secret") == "acme"
    for header in (None, "", "Bearer", "Bearer wrong", "Basic secret"):
        with pytest.raises(Unauthenticated):
            authenticator.tenant(header)


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
