import hashlib

import pytest

from gateway.authenticate import Authenticator
from gateway.errors import Unauthenticated
from gateway.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("TRITON_URL", "http://host:8001"),
        ("TRITON_URL", "host:8001,"),
        ("TRITON_URL", "dns:///host"),
        ("BATCH_SHARE", "1.5"),
        ("HEDGE_PERCENTILE", "100"),
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


@pytest.mark.parametrize("url", ["triton:8001", "one:8001,two:8001", "dns:///triton.models.svc:8001", "127.0.0.1:8001,dns:///b:8001"])
def test_tritons_can_be_several(monkeypatch, url):
    monkeypatch.setenv("HEADRACE_TRITON_URL", url)
    assert Settings.read().triton_url == url


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
