"""A child process ends with the processes it started, and what it left is cleaned up."""

import os
import signal
import sys

import pytest

from model_repository.child import Child

STUBBORN = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").write("ready")
signal.pause()
"""


def test_a_program_that_ignores_sigterm_is_killed_after_the_grace_period(tmp_path):
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    child = Child([sys.executable, "-c", STUBBORN, str(ready)], os.environ, tmp_path / "log", clean_up=lambda: None)
    assert ready.read_text() == "ready"
    child.stop(grace_s=0.1)
    assert child.poll() == -signal.SIGKILL


def test_what_a_program_leaves_running_ends_with_it(tmp_path):
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    # the writing end of the pipe closes when the last process that holds it has ended
    child = Child(["/bin/sh", "-c", f'exec > "{ready}"; sleep 600 & echo $!'], os.environ, tmp_path / "log", clean_up=lambda: None)
    assert ready.read_text().strip().isdecimal()
    assert child.wait() == 0


def test_cleaning_up_is_over_when_the_exit_code_is_known(tmp_path):
    cleaned = []
    child = Child(["/bin/sh", "-c", "exit 3"], os.environ, tmp_path / "log", clean_up=lambda: cleaned.append(True))
    assert child.wait() == 3
    assert cleaned == [True]


def test_a_program_has_its_output_in_the_log(tmp_path):
    child = Child(["/bin/sh", "-c", "echo out; echo err >&2"], os.environ, tmp_path / "log", clean_up=lambda: None)
    child.wait()
    assert (tmp_path / "log").read_text() == "out\nerr\n"


def test_a_log_that_cannot_be_written_is_an_error_of_the_caller(tmp_path):
    with pytest.raises(FileNotFoundError):
        Child(["/bin/true"], os.environ, tmp_path / "nowhere" / "log", clean_up=lambda: None)
