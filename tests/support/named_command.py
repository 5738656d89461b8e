"""The command that a refusal names, run as its reader would run it."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def run_named(message: str, after: str, folder: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run what a message names after these words, in a folder, by this Python and a shell."""
    command = message.partition(after)[2]
    assert command.startswith("python -c ")
    shell = f"{shlex.quote(sys.executable)} {command.removeprefix('python ')}"
    done = subprocess.run(
        ["/bin/sh", "-c", shell], cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
