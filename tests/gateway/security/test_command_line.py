"""`python -m gateway keys` where state cannot be reached."""

from gateway_process import free_port

from gateway.__main__ import main


def test_state_that_does_not_answer_is_named_without_its_password(capsys, monkeypatch):
    port = free_port()
    monkeypatch.setenv("HEADRACE_STATE_URL", f"redis://:hush@127.0.0.1:{port}/0")
    assert main(["keys", "list"]) == 1
    said = capsys.readouterr().err
    assert f"127.0.0.1:{port}/0 does not answer; is a Redis or Valkey running there?" in said
    assert "HEADRACE_STATE_URL=redis://" in said
    assert "hush" not in said
