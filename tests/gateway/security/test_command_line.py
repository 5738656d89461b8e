"""`python -m gateway keys` where state cannot be reached."""

import os
import subprocess
import sys

import pytest
from gateway_process import ROOT, free_port

from gateway.embedded.valkey import Valkey


def said_by_keys(state_url):
    """What the command writes to standard error for this state, with which it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "keys", "list"],
        cwd=ROOT,
        env=environment | {"HEADRACE_STATE_URL": state_url},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "hush-hush" not in done.stderr
    return done.stderr


def test_state_that_does_not_answer_is_named_without_its_password():
    port = free_port()
    said = said_by_keys(f"redis://:hush-hush@127.0.0.1:{port}/0")
    assert f"127.0.0.1:{port}/0 does not answer or refuses; is a Redis or Valkey running there" in said
    assert "Connect call failed" in said
    assert "HEADRACE_STATE_URL=redis://" in said


@pytest.mark.integration
def test_state_that_lets_nobody_in_is_not_said_to_be_away():
    with Valkey() as valkey:
        said = said_by_keys(valkey.url.replace("://", "://nobody:hush-hush@"))
    assert "refuses; is a Redis or Valkey running there, and is its user allowed in?" in said
    assert "WRONGPASS" in said.upper() or "invalid username-password pair" in said
