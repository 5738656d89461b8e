import pytest

from gateway.settings.settings import Settings, SettingsError
from gateway.settings.unknown import unknown

KNOWN = ("port", "target_latency_ms", "cache_url")


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("HEADRACE_TARGET_LATENCI_MS", "HEADRACE_TARGET_LATENCI_MS: no such setting; is HEADRACE_TARGET_LATENCY_MS meant?"),
        ("headrace_prot", "headrace_prot: no such setting; is HEADRACE_PORT meant?"),
        ("HEADRACE_XYZ", "HEADRACE_XYZ: no such setting; unset it; `python -m gateway settings` lists all"),
    ],
)
def test_a_variable_that_is_no_setting_is_named_and_the_nearest_one(variable, sentence):
    assert unknown(["PATH", "HEADRACE_PORT", variable], KNOWN, "HEADRACE_") == sentence


@pytest.mark.parametrize(
    "variable",
    [
        "HEADRACE_PORT",
        "headrace_cache_url",
        "HEADRACE_SERVICE_HOST",
        "HEADRACE_GATEWAY_SERVICE_PORT_HTTP",
        "HEADRACE_PORT_8080_TCP_ADDR",
        "HEADRACE_TRITON_PORT_8001_TCP",
        "HEADRACE_TRITON_GRPC_URL",
    ],
)
def test_settings_in_any_case_and_variables_of_others_are_known(variable):
    assert unknown([variable], KNOWN, "HEADRACE_") is None


def test_a_gateway_does_not_start_with_a_misspelt_setting(monkeypatch):
    monkeypatch.setenv("HEADRACE_TARGET_LATENCI_MS", "200")
    with pytest.raises(SettingsError, match="is HEADRACE_TARGET_LATENCY_MS meant"):
        Settings.read()
