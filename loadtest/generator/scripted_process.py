"""The scripted server as a child process."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from loadtest.target.child import stop

STOP_GRACE_S = 5.0


@contextmanager
def scripted_server(**script: Any) -> Iterator[str]:
    """The address of a server that follows a `Script` of these fields; it is stopped at the end."""
    command = [sys.executable, "-m", "loadtest.generator.scripted_server", json.dumps(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout is not None else ""
            yield f"http://127.0.0.1:{port}"
        finally:
            stop(process, STOP_GRACE_S)
