"""The command that a refusal names, run as its reader would run it."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def run_named(message: str, after: str, folder: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run what a message names after these words, in a folder, by this Python and a shell.

    A reader's `python` is another one than that of export, and may lack every library; a message
    names it only for an environment of its own.
    """
    named, script = message.partition(after)[2].split(" -c ", 1)
    elsewhere = "in an environment of its own" in message
    assert named == "python" if elsewhere else Path.cwd() / shlex.split(named)[0] == Path(sys.executable)
    shell = f"{shlex.quote(sys.executable)} -c {script}"
    done = subprocess.run(
        ["/bin/sh", "-c", shell], cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
