"""`python -m gateway keys` where state cannot be reached."""

import pytest
import structlog
from gateway_process import free_port

from gateway.__main__ import main
from gateway.embedded.valkey import Valkey


@pytest.fixture(autouse=True)
def log_of_the_command():
    """Only these tests log to the standard error of theirs, which is closed afterwards."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_state_that_does_not_answer_is_named_without_its_password(capsys, monkeypatch):
    port = free_port()
    monkeypatch.setenv("HEADRACE_STATE_URL", f"redis://:hush@127.0.0.1:{port}/0")
    assert main(["keys", "list"]) == 1
    said = capsys.readouterr().err
    assert f"127.0.0.1:{port}/0 does not answer or refuses; is a Redis or Valkey running there" in said
    assert "Connect call failed" in said
    assert "HEADRACE_STATE_URL=redis://" in said
    assert "hush" not in said


@pytest.mark.integration
def test_state_that_lets_nobody_in_is_not_said_to_be_away(capsys, monkeypatch):
    with Valkey() as valkey:
        monkeypatch.setenv("HEADRACE_STATE_URL", valkey.url.replace("://", "://nobody:hush@"))
        assert main(["keys", "list"]) == 1
    said = capsys.readouterr().err
    assert "refuses; is a Redis or Valkey running there, and is its user allowed in?" in said
    assert "WRONGPASS" in said.upper() or "invalid username-password pair" in said
    assert "hush" not in said
