import json

import pytest
from pydantic import BaseModel, Secret, SecretStr

from gateway.settings import shown as configuration
from gateway.settings.secret import masked_url, names_secret
from gateway.settings.settings import Settings

DIGEST = "ab" * 32


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://:s3cret@cache:6379/0", "redis://:***@cache:6379/0"),
        ("rediss://user:p@ss@cache/1", "rediss://user:***@cache/1"),
        ("redis://cache:6379/0?password=s3cret&db=1", "redis://cache:6379/0?password=***&db=1"),
        ("unix:///run/valkey.sock?password=a%20b", "unix:///run/valkey.sock?password=***"),
        ("unix:///run/valkey.sock", "unix:///run/valkey.sock"),
        ("redis://cache:6379/0", "redis://cache:6379/0"),
        ("https://[:s3cret@issuer", "***"),
    ],
)
def test_urls_are_shown_without_their_passwords(url, expected):
    assert masked_url(url) == expected


def test_settings_tell_their_source_and_no_secret(monkeypatch):
    monkeypatch.setenv("HEADRACE_CACHE_URL", "redis://:s3cret@cache:6379/0")
    monkeypatch.setenv("HEADRACE_STATE_URL", "rediss://user:s3cret@state:6379/0")
    monkeypatch.setenv("HEADRACE_API_KEYS", f"acme:{DIGEST}")
    monkeypatch.setenv("HEADRACE_TRITON_HEADERS", "authorization=Bearer s3cret")
    monkeypatch.setenv("HEADRACE_LIMITS_PER_KEY", "requests_per_s=5")
    shown = configuration.shown(Settings.read())
    assert shown["cache_url"] == {"value": "redis://:***@cache:6379/0", "source": "environment"}
    assert shown["api_keys"] == {"value": "*** (1)", "source": "environment"}
    assert shown["state_url"]["value"] == "rediss://user:***@state:6379/0"
    assert shown["triton_headers"] == {"value": "*** (1)", "source": "environment"}
    assert shown["limits_per_key"] == {"value": {"requests_per_s": 5}, "source": "environment"}
    assert (shown["auth"]["value"], shown["jwt_algorithms"]["value"]) == (["keys"], ["RS256", "ES256", "EdDSA"])
    assert shown["port"] == {"value": 8080, "source": "default"}
    assert shown.keys() == Settings.model_fields.keys()
    assert not {"s3cret", DIGEST} & set(json.dumps(shown).replace('"', " ").replace(":", " ").replace("@", " ").split())


def test_secrets_are_known_by_type_and_by_name_at_any_depth():
    class Inner(BaseModel):
        auth_token: str = "t0ken"  # noqa: S105 - what must not be shown
        plain: SecretStr = SecretStr("h1dden")
        public_key: str = "shown"

    class Outer(BaseModel):
        inner: Inner = Inner()
        credentials: dict[str, str] = {"a": "b"}
        urls: list[str] = ["redis://:p@host/0"]

    shown = {name: field["value"] for name, field in configuration.shown(Outer()).items()}
    assert shown == {
        "inner": {"auth_token": "***", "plain": "***", "public_key": "shown"},
        "credentials": "*** (1)",
        "urls": ["redis://:***@host/0"],
    }


def test_a_setting_whose_name_sounds_secret_has_a_type_that_masks_itself():
    """Names are the second net: the first is the type."""
    secret = {name for name in Settings.model_fields if names_secret(name)}
    assert secret == {"api_keys"}
    assert isinstance(Settings().api_keys, Secret)
