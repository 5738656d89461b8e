"""A gateway of our own, with its embedded stack on a free port.

It is stopped whatever happens.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtest.target.child import stop
from loadtest.target.client import Client, NoAnswerError

# asks the kernel for SIGTERM when the parent is gone, which holds across execve
# (PR_SET_PDEATHSIG is 1)
DIE_WITH_PARENT = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15); os.execv(sys.argv[1], sys.argv[1:])"
READY_TIMEOUT_S = 90.0
STOP_GRACE_S = 30.0
POLL_INTERVAL_S = 0.1
LAST_WORDS_LINES = 12
OK, NOT_FOUND = 200, 404


class GatewayFailedError(RuntimeError):
    """The gateway did not start, or did not stay; the message ends with its last words."""


@dataclass(frozen=True, slots=True)
class RunningGateway:
    """Where a gateway answers, and the id of the process from which all of its stack descends."""

    url: str
    pid: int


@contextmanager
def running_gateway(
    repository: Path, model: str, settings: Mapping[str, str], on_progress: Callable[[str], None], *, workers: int = 1
) -> Iterator[RunningGateway]:
    """Start a gateway with `workers` processes, and stop it at the end.

    It is there once every version of `model` is ready. `settings` are `HEADRACE_*` variables; those
    of our own environment do not count. `on_progress` gets the last line that the gateway wrote.
    Unless they name a folder for its state, this ends with it.

    Raises:
        GatewayFailedError: the gateway ended, lacks the model or one of its versions, or was not
            ready in time.
    """
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    # the settings of our own environment (keys, another Triton) are not for this gateway
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    command = [sys.executable, "-m", "gateway", "--embedded", "--repository", str(repository), "--workers", str(workers)]
    with (
        tempfile.TemporaryDirectory(prefix="headrace-state-") as state,
        tempfile.NamedTemporaryFile(prefix="headrace-gateway-", suffix=".log") as log,
    ):
        environment |= {
            "HEADRACE_PORT": str(port),
            "HEADRACE_LOG_LEVEL": "warning",
            "HEADRACE_AUTH": "off",
            "HEADRACE_STATE_DIR": state,
            **settings,
        }
        process = subprocess.Popen(
            [sys.executable, "-c", DIE_WITH_PARENT, *command],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # a terminal's Ctrl-C reaches it through us only
        )
        try:
            _wait_until_ready(process, url, model, Path(log.name), on_progress)
            yield RunningGateway(url, process.pid)
        finally:
            stop(process, STOP_GRACE_S)


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, model: str, log: Path, on_progress: Callable[[str], None]) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not _is_ready(url, model):
        words = log.read_text(errors="replace").strip().splitlines()
        on_progress(words[-1] if words else "starting the gateway …")
        if process.poll() is not None:
            raise GatewayFailedError("The gateway did not start. Its last words:\n" + "\n".join(words[-LAST_WORDS_LINES:]))
        if time.monotonic() > deadline:
            raise GatewayFailedError(
                f"The gateway was not ready within {READY_TIMEOUT_S:.0f} s. Its last words:\n" + "\n".join(words[-LAST_WORDS_LINES:])
            )
        time.sleep(POLL_INTERVAL_S)  # a starting server has no event to wait for


def _is_ready(url: str, model: str) -> bool:
    try:
        with Client(url, timeout_s=2.0) as client:
            if client.get("/readyz").status != OK:
                return False
            shown = client.get(f"/v1/models/{model}")
    except NoAnswerError:
        return False
    if shown.status == NOT_FOUND:
        raise GatewayFailedError(f"The gateway serves no model named {model!r}: export it into the model repository first.")
    versions = shown.body["versions"] if shown.status == OK else []
    for version in versions:
        if not version["ready"] and version.get("reason"):
            raise GatewayFailedError(f"Version {version['version']} of {model!r} was not loaded: {version['reason']}")
    return bool(versions) and all(version["ready"] for version in versions)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
