"""A server that is killed, frozen, and restarted by the same command at the same address, empty."""

import contextlib
import os
import signal

import psutil
from gateway_process import wait_until

from model_repository.child import Child

GRACE_S = 10


class Restartable:
    """A server process.

    `answers` returns whether the server can be used. `running` is a process that others started, if
    there is one.
    """

    def __init__(self, argv, environment, log, answers, running=None):
        self._command = argv, environment, log
        self._answers = answers
        self._running = running
        if running is None:
            self.start()

    @classmethod
    def of(cls, running, log, answers):
        """Take over a running server, with the command that started it."""
        process = psutil.Process(running.pid)
        return cls(process.cmdline(), process.environ(), log, answers, running)

    @property
    def pid(self):
        return self._running.pid

    def start(self):
        """Start it and wait until it answers."""
        self._running = Child(*self._command, clean_up=lambda: None)
        wait_until(lambda: self._running.poll() is not None or self._answers())
        assert self._running.poll() is None, self._command[2].read_text()

    def kill(self):
        """Kill it at once, with the processes that it started."""
        os.kill(self.pid, signal.SIGKILL)
        wait_until(lambda: self._running.poll() is not None)

    @contextlib.contextmanager
    def frozen(self):
        """Suspend this process, not its children, while the context is entered."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def stop(self):
        if isinstance(self._running, Child):
            self._running.stop(GRACE_S)
