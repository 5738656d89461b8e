import pytest

from gateway.settings.runtime import RuntimeSettings, RuntimeSettingsError, parse, runtime_at

GOOD = """
log_level: debug
limits: {request_timeout_ms: 2000}
defaults: {max_pending: 512, max_in_flight: 3}
models:
  topics: {max_pending: 64}
"""


def test_a_models_own_settings_go_before_the_defaults():
    settings = parse(GOOD)
    assert settings.of_model("topics").given() == {"max_pending": 64, "max_in_flight": 3}
    assert settings.of_model("other").given() == {"max_pending": 512, "max_in_flight": 3}
    assert (settings.log_level, settings.limits.given()) == ("debug", {"request_timeout_ms": 2000})


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_an_empty_file_changes_nothing(text):
    assert parse(text) == RuntimeSettings()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("log_level: loud", "log_level: "),
        ("limits: {max_body_bytes: 0}", "limits.max_body_bytes: "),
        ("limits: {max_body_bytes: '12'}", "limits.max_body_bytes: "),
        ("models: {topics: {max_pendign: 1}}", "models.topics.max_pendign: "),
        ("models: [topics]", "models: "),
        ("log_level: [", "not YAML"),
        ("debug", "valid dictionary"),
        ("log_level: !!bool maybe", "not YAML that can be read"),
        ("log_level: !!timestamp soon", "not YAML that can be read"),
        ("log_level: 2020-13-45", "not YAML that can be read"),
        ("[" * 5000, "nested too deeply"),
        ("limits: {request_timeout_ms: .inf}", "limits.request_timeout_ms: "),
    ],
)
def test_a_fault_is_named(text, sentence):
    with pytest.raises(RuntimeSettingsError, match=sentence.replace(".", r"\.")):
        parse(text)


def test_a_bad_file_keeps_the_last_good_settings_and_says_so(tmp_path):
    path = tmp_path / "runtime.yaml"
    path.write_text(GOOD)
    runtime = runtime_at(path)
    runtime.read()
    path.write_text("log_level: loud")
    with pytest.raises(RuntimeSettingsError, match=r"runtime\.yaml: log_level"):
        runtime.read()
    assert (runtime.current.log_level, "log_level" in runtime.fault) == ("debug", True)
    path.unlink()
    with pytest.raises(RuntimeSettingsError, match="No such file"):
        runtime.read()
    path.write_text("log_level: error")
    runtime.read()
    assert (runtime.current.log_level, runtime.fault) == ("error", None)


def test_without_a_file_nothing_is_set():
    runtime = runtime_at(None)
    runtime.read()
    assert (runtime.current, runtime.fault) == (RuntimeSettings(), None)
