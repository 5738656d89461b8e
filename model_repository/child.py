"""A child process that never outlives its parent and leaves nothing of its own behind."""

import contextlib
import logging
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

# the kernel keeps this across execve: SIGTERM when the parent is gone (PR_SET_PDEATHSIG is 1)
_DIE_WITH_PARENT = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15); os.execv(sys.argv[1], sys.argv[1:])"

_GONE_WITHIN_S = 5.0
"""After SIGKILL; longer only where the kernel itself is stuck."""

logger = logging.getLogger(__name__)


class Child:
    """A program in a session of its own, so that a terminal's Ctrl-C reaches only the parent.

    The kernel sends a child its signal when the *thread* that started it ends: so a thread of its
    own starts the program and waits for it. When the program has ended, the processes that it left
    in its session are killed and `clean_up` is called. The program inherits the descriptors `held`,
    so that a lock on one of them ends with it.
    """

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], log: Path, clean_up: Callable[[], None], held: Sequence[int] = ()
    ) -> None:
        started: Future[subprocess.Popen[bytes]] = Future()

        def attend() -> None:
            try:
                process = _spawn(argv, environment, log, held)
            except BaseException as exc:
                started.set_exception(exc)  # raised where the child is made
                return
            started.set_result(process)
            process.wait()
            _end_group(process.pid)
            clean_up()

        self._thread = threading.Thread(target=attend, name=Path(argv[0]).name, daemon=True)
        self._thread.start()
        self._process = started.result()
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """The exit code once the program has ended and is cleaned up, else None.

        A negative code is the signal that ended it.
        """
        return None if self._thread.is_alive() else self._process.returncode

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait until the program has ended and is cleaned up, or for `timeout_s`.

        Returns the exit code as `poll` does.
        """
        self._thread.join(timeout_s)
        return self.poll()

    def stop(self, grace_s: float) -> None:
        """Send SIGTERM, and SIGKILL when the program still runs after `grace_s`.

        It is harmless when the program has ended.
        """
        # what the program leaves in its session is killed after it, and has its own time to go
        for send, patience_s in ((self._process.terminate, grace_s), (self._process.kill, 2 * _GONE_WITHIN_S)):
            send()  # nothing is sent to a process that has been waited for
            if self.wait(patience_s) is not None:
                return
        logger.error("%s (pid %d) is still there after SIGKILL", self._thread.name, self.pid)


def _end_group(group: int) -> None:
    """Kill what a program left in its process group, and wait until it is gone.

    Only then is what it held free.
    """
    members = [descriptor for pid in _members(group) if (descriptor := _opened(pid)) is not None]
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    for descriptor in members:
        ended = select.poll()
        ended.register(descriptor, select.POLLIN)
        ended.poll(1000 * _GONE_WITHIN_S)
        os.close(descriptor)


def _members(group: int) -> Iterator[int]:
    """Processes of a group; fields of /proc/PID/stat after the name: state, parent, group."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            if int(stat.read_text().rpartition(")")[2].split()[2]) == group:
                yield int(stat.parent.name)


def _opened(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def _spawn(argv: Sequence[str], environment: Mapping[str, str], log: Path, held: Sequence[int]) -> "subprocess.Popen[bytes]":
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, *argv],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=held,
        )
