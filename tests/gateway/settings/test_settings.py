import pytest
from pydantic import ValidationError

from gateway.settings.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("TRITON_URL", "http://host:8001"),
        ("TRITON_URL", "host:8001,"),
        ("TRITON_URL", "dns:///host"),
        ("TRITON_URL", "host:99999"),
        ("TRITON_URL", "dns:///a..b:8001"),
        ("BATCH_SHARE", "1.5"),
        ("HEDGE_PERCENTILE", "100"),
        ("CACHE_URL", "localhost:6379"),
        ("CACHE_URL", "redis://"),
        ("CACHE_URL", "unix://"),
        ("CACHE_URL", "redis://localhost:port"),
        ("STATE_URL", "redis://localhost:99999"),
        ("STATE_URL", "redis://[::1"),
        ("API_KEYS", "acme:secret"),
        ("CACHE_POLICIES", '{"topics": {"ttl_s": -1}}'),
        ("CACHE_POLICIES", "/nowhere/policies.yaml"),
        ("API_KEYS", f"acme:{'0' * 64}:root"),
        ("AUTH", "none"),
        ("AUTH", "keys,off"),
        ("JWT_JWKS_URL", "http://id.example.com/keys"),
        ("JWT_ALGORITHMS", "RS256,HS256"),
        ("JWT_ALGORITHMS", "none"),
        ("LIMITS_PER_KEY", "requests_per_s=0"),
        ("LIMITS_PER_TENANT", "requests_per_hour=5"),
        ("TRITON_HEADERS", "Authorization"),
        ("LOG_LEVEL", "loud"),
        ("REQUEST_TIMEOUT_MS", "inf"),
        ("BODY_TIMEOUT_S", "nan"),
        ("DEFAULT_MODELS", "embed"),
        ("DEFAULT_MODELS", "encode=minilm"),
        ("MODEL_ALIASES", "minilm"),
        ("MODEL_ALIASES", "/=minilm"),
        ("MODEL_ALIASES", "a=minilm,a=topics"),
        ("MODEL_ALIASES", "a=b,b=minilm"),
    ],
)
def test_invalid_setting_is_named(monkeypatch, name, value):
    monkeypatch.setenv(f"HEADRACE_{name}", value)
    with pytest.raises(SettingsError, match=f"^HEADRACE_{name}: "):
        Settings.read()


def test_password_where_the_port_should_be_is_not_repeated(monkeypatch):
    monkeypatch.setenv("HEADRACE_CACHE_URL", "redis://user:secret")
    with pytest.raises(SettingsError) as refused:
        Settings.read()
    assert "secret" not in str(refused.value)


def test_cache_policies_begin_with_the_settings(monkeypatch):
    for name, value in {"CACHE_TTL_S": "7", "CACHE_TENANTS": "acme, bee", "CACHE_POLICIES": '{"topics": {"lease_s": 2}}'}.items():
        monkeypatch.setenv(f"HEADRACE_{name}", value)
    settings = Settings.read()
    assert (settings.cache_policy.ttl_s, settings.cache_policy.isolated_tenants) == (7, {"acme", "bee"})
    assert settings.cache_policies == {"topics": settings.cache_policy.model_copy(update={"lease_s": 2})}


@pytest.mark.parametrize(
    "url", ["triton:8001", "one:8001,two:8001", "dns:///triton.models.svc:8001", "127.0.0.1:8001,dns:///b:8001", "[::1]:8001"]
)
def test_tritons_can_be_several(monkeypatch, url):
    monkeypatch.setenv("HEADRACE_TRITON_URL", url)
    assert Settings.read().triton_url == url


def read(monkeypatch, **variables):
    for name, value in variables.items():
        monkeypatch.setenv(f"HEADRACE_{name}", value)
    return Settings.read()


def test_api_keys_are_tenants_and_scopes_by_digest(monkeypatch):
    first, second = "0" * 64, "f" * 64
    keys = read(monkeypatch, API_KEYS=f"acme:{first}, ops:{second}:admin+predict").api_keys.get_secret_value()
    assert keys == {first: ("acme", {"predict", "feedback"}), second: ("ops", {"admin", "predict"})}


def test_authentication_is_on_unless_it_is_switched_off(monkeypatch):
    assert Settings.read().auth == {"keys"}
    assert read(monkeypatch, AUTH="off").auth == frozenset()
    tokens = {"JWT_JWKS_URL": "https://id.example.com/keys", "JWT_ISSUER": "https://id.example.com", "JWT_AUDIENCE": "headrace"}
    assert read(monkeypatch, AUTH="keys,jwt", **tokens).auth == {"keys", "jwt"}


def test_keys_without_any_place_for_them_are_refused_with_the_ways_named(monkeypatch):
    with pytest.raises(SettingsError, match=r"HEADRACE_STATE_URL.*HEADRACE_API_KEYS.*HEADRACE_JWT_JWKS_URL.*HEADRACE_AUTH=off"):
        Settings.read().require_a_way_in()
    read(monkeypatch, STATE_URL="redis://127.0.0.1").require_a_way_in()


def test_tokens_without_their_issuer_are_refused(monkeypatch):
    with pytest.raises(SettingsError, match="HEADRACE_JWT_ISSUER"):
        read(monkeypatch, AUTH="jwt", JWT_JWKS_URL="https://id.example.com/keys")


def test_a_certificate_without_its_key_is_refused(monkeypatch):
    with pytest.raises(SettingsError, match="HEADRACE_TLS_CERT_FILE and HEADRACE_TLS_KEY_FILE belong together"):
        read(monkeypatch, TLS_CERT_FILE="cert.pem")


def test_secrets_stand_neither_in_the_settings_text_nor_in_a_fault(monkeypatch):
    settings = read(
        monkeypatch,
        STATE_URL="redis://:hunter2@host",
        CACHE_URL="redis://:hunter2@host",
        TRITON_HEADERS="x-key=hunter2",
        JWT_JWKS_URL="https://me:hunter2@id.example.com/keys?token=hunter2",
        API_KEYS=f"acme:{'ab' * 32}",
    )
    made = [repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump())]
    made += [f"{getattr(settings, name)!r} {getattr(settings, name)}" for name in Settings.model_fields]
    assert [text for text in made if "hunter2" in text or "ab" * 32 in text] == []
    with pytest.raises(SettingsError) as caught:
        read(monkeypatch, TRITON_HEADERS="Bad Name=hunter2")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "url", ["redis://:hunter2/2@host:6379/0", "redis://:hunter2?@host", "redis://me:hunter2#1@host", "rediss://:hunter2[@host"]
)
def test_a_password_that_cannot_stand_in_a_url_is_not_repeated(monkeypatch, url):
    with pytest.raises(SettingsError, match="percent-encoded") as caught:
        read(monkeypatch, STATE_URL=url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["redis://host", "redis://:p%2Fss@[::1]:6379/1?ssl_cert_reqs=none", "unix:///run/valkey.sock?db=1", "rediss://u:p@h:1"]
)
def test_redis_can_be_named_in_these_ways(monkeypatch, url):
    assert read(monkeypatch, STATE_URL=url).state_url.get_secret_value() == url


def test_default_models_are_named_by_use(monkeypatch):
    monkeypatch.setenv("HEADRACE_DEFAULT_MODELS", "embed=minilm, root=topics")
    assert Settings.read().default_models == {"embed": "minilm", "root": "topics"}


@pytest.mark.parametrize("url", ["http://:s3cret@cache", "redis://:s3/cret@cache"])
def test_a_fault_of_settings_given_in_code_quotes_no_secret(url):
    with pytest.raises(ValidationError) as fault:
        Settings(cache_url=url)
    assert "s3" not in str(fault.value)
