"""A tritonserver on a model repository, started as a child process on loopback.

    with TritonServer.start(Path("model_repository/models")) as triton:
        triton.grpc_url            # "127.0.0.1:43117"
        triton.load("topics")      # again, after a new version was packaged

Life: locate the wheel's binaries → gather the backends in a scratch folder → spawn on free ports →
wait until it answers → serve → stop (SIGTERM, then SIGKILL after a grace period), with all
processes that it started. It also ends when its parent dies, however that happens.
"""

import contextlib
import json
import re
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from model_repository.child import Child
from model_repository.control import Refused, Unanswered, control
from model_repository.launch import EXIT_TIMEOUT_S, LOOPBACK, Launch, Ports, free_ports, gather_backends
from model_repository.wheel import TritonUnavailable, locate

__all__ = ["TritonError", "TritonServer", "TritonUnavailable"]

GRACE_S = EXIT_TIMEOUT_S + 5
POLL_INTERVAL_S = 0.05
PORT_ATTEMPTS = 3
LOG_LINES = 8

_STACK = re.compile(r"\n\nAt:\n(?:  .*\n)+")
"""Where in the backend an exception was raised: for its authors, who find it in the log."""


class TritonError(RuntimeError):
    """Triton did not start, or refused a request; the message holds its reason."""


class _PortTaken(TritonError):
    """Another program took a port between our choice of it and Triton's use."""


class TritonServer:
    """A running tritonserver; use as a context manager, or call `stop()`."""

    def __init__(self, name: str, child: Child, ports: Ports, log: Path, scratch: Path, grace_s: float) -> None:
        self.name = name
        self.pid = child.pid
        self.http_url, self.grpc_url, self.metrics_url = (f"{LOOPBACK}:{port}" for port in ports)
        self.log = log
        self._child = child
        self._http_port, _, self._metrics_port = ports
        self._scratch = scratch
        self._grace_s = grace_s

    @classmethod
    def start(
        cls,
        repository: Path,
        models: Sequence[str] | None = None,
        *,
        arguments: Sequence[str] = (),
        log: Path | None = None,
        timeout_s: float = 120,
        grace_s: float = GRACE_S,
    ) -> "TritonServer":
        """Start a tritonserver on `repository`, and return when it has tried to load `models`.

        None loads all models.
        A model that fails to load does not stop the server: ask Triton what is ready, or call
        `load` for the reason. `arguments` follow ours on the command line. The log goes to `log`,
        by default to a temporary file that is removed with the server. `grace_s` is how long `stop`
        waits for the server to end by itself: 0 where no request runs any more.

        Raises:
            TritonUnavailable: no tritonserver can run here.
            TritonError: it did not come up within `timeout_s`; the message ends with the last lines
                of its log.
        """
        wheel = locate()
        if not repository.is_dir():
            raise TritonError(f"{repository} is not a directory: no model repository to serve.")
        scratch = Path(tempfile.mkdtemp(prefix="headrace-triton-"))
        log = log or scratch / "tritonserver.log"
        deadline_s = time.monotonic() + timeout_s
        try:
            launch = Launch(wheel, repository, models, arguments, gather_backends(wheel, scratch / "backends"))
            attempts_left = PORT_ATTEMPTS
            while True:
                try:
                    return cls._launch(launch, log, scratch, deadline_s, grace_s)
                except _PortTaken:
                    attempts_left -= 1
                    if not attempts_left:
                        raise
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise

    @classmethod
    def _launch(cls, launch: Launch, log: Path, scratch: Path, deadline_s: float, grace_s: float) -> "TritonServer":
        ports, name = free_ports(), f"headrace-{secrets.token_hex(8)}"
        child = Child(launch.command(name, ports), launch.environment(), log, clean_up=partial(_free_shared_memory, name))
        triton = cls(name, child, ports, log, scratch, grace_s)
        try:
            triton._wait_until_live(deadline_s)
        except BaseException:
            triton._child.stop(grace_s)
            raise
        return triton

    def load(self, model: str) -> None:
        """Load a model, also again after its folder changed.

        Ready versions keep answering meanwhile.

        Raises:
            TritonError: a version did not load (those that did are served), with Triton's reason.
        """
        self._control(model, "load")

    def unload(self, model: str) -> None:
        """Unload all versions of a model.

        Raises:
            TritonError: Triton refused, with its reason.
        """
        self._control(model, "unload")

    def poll(self) -> int | None:
        """The exit code if the server has ended (negative: the signal that ended it), else None."""
        return self._child.poll()

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait until the server has ended, or for `timeout_s`; the exit code as `poll` gives it."""
        return self._child.wait(timeout_s)

    def stop(self) -> None:
        """Stop the server and remove what it left; harmless when it has ended already."""
        self._child.stop(self._grace_s)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<TritonServer pid={self.pid} grpc={self.grpc_url} exit_code={self.poll()}>"

    def _control(self, model: str, verb: str) -> None:
        try:
            with control(self.grpc_url) as triton:
                (triton.load if verb == "load" else triton.unload)(model)
        except Unanswered as exc:
            raise TritonError(f"Triton did not answer the request to {verb} {model}: {exc}") from exc
        except Refused as exc:
            raise TritonError(f"Triton could not {verb} {model}: {' '.join(_STACK.sub('', str(exc)).split())}") from exc

    def _request(self, method: str, path: str, timeout_s: float) -> tuple[int, dict[str, Any]]:
        connection = HTTPConnection(LOOPBACK, self._http_port, timeout=timeout_s)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"{}")
        finally:
            connection.close()

    def _wait_until_live(self, deadline_s: float) -> None:
        """Return when the server of this name answers.

        It opens its ports after it has tried to load the models.
        """
        while time.monotonic() < deadline_s:
            if (code := self._child.poll()) is not None:
                lines = _last_lines(self.log)
                kind = _PortTaken if "already in use" in lines else TritonError
                raise kind(f"tritonserver ended with code {code} while starting:\n{lines}")
            # metrics come up last; another program may answer on a port that we lost: compare names
            with contextlib.suppress(OSError, HTTPException, ValueError):
                socket.create_connection((LOOPBACK, self._metrics_port), timeout=1).close()
                status, answer = self._request("GET", "/v2", timeout_s=1)
                if status == 200 and answer.get("name") == self.name:
                    return
            time.sleep(POLL_INTERVAL_S)  # a starting server has no event to wait for
        raise TritonError(f"tritonserver did not come up in time:\n{_last_lines(self.log)}")


def _free_shared_memory(prefix: str) -> None:
    """Remove the regions that a killed server leaves; one that ends by itself removes them."""
    for region in Path("/dev/shm").glob(f"{prefix}*"):  # noqa: S108 - where POSIX shared memory lies
        region.unlink(missing_ok=True)


def _last_lines(log: Path) -> str:
    """The last lines of a log that report trouble, or just its last lines where none does."""
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    trouble = [line for line in lines if not line.startswith(("I", "W", "+", "|"))]
    return "\n".join((trouble or lines)[-LOG_LINES:])
